// A client that may use either of two keys is served in its first attempt, whichever it uses and however its flight arrives.
#include "dtls_psk_choice.h"

#include "dtls_meeting.h"
#include "dtls_net.h"

using namespace postern;
using namespace postern::test;
using State = DtlsHandshake::State;

namespace {

const Bytes kId(32, 0x51), kCurrent(32, 0x42), kFormer(32, 0x24), kOther(32, 0x99);

// Nothing is lost here: a slow machine must not repeat.
ClientConfig patient() {
  ClientConfig config;
  config.timerUs = 60'000'000;
  return config;
}

DtlsCandidate candidate(const std::string& suites, bool formerFirst) {
  DtlsCandidate made = pskCandidate(7, kId, suites);
  auto offer = std::make_shared<DtlsOffer>(*made.offer);
  offer->formerSecret = kFormer;
  offer->formerFirst = formerFirst;
  made.offer = offer;
  made.secret = DtlsSecret(kCurrent);
  return made;
}

// The client's last flight as the network brings it.
using Flight = std::vector<Bytes> (*)(const std::vector<Bytes>& records);
Bytes joined(const std::vector<Bytes>& records) {
  Bytes all;
  for (const Bytes& record : records) all.insert(all.end(), record.begin(), record.end());
  return all;
}
std::vector<Bytes> whole(const std::vector<Bytes>& records) { return {joined(records)}; }
std::vector<Bytes> apart(const std::vector<Bytes>& records) { return records; }
std::vector<Bytes> finishedFirst(const std::vector<Bytes>& records) { return {records.back(), records[0], records[1]}; }
std::vector<Bytes> repeated(const std::vector<Bytes>& records) { return {records[0], records[0], records[1], joined(records), joined(records)}; }

State meet(Meeting& meeting, Flight flight) {
  std::vector<Bytes> records;
  for (const Bytes& datagram : std::exchange(meeting.toClient, {})) {
    for (const Bytes& answer : meeting.client.step(datagram)) {
      for (Bytes& record : recordsOf(answer)) records.push_back(std::move(record));
    }
  }
  REQUIRE(records.size() == 3);
  for (const Bytes& datagram : flight(records)) {
    if (meeting.state == State::kRunning) meeting.state = meeting.handshake->feed(datagram);
  }
  for (const Bytes& datagram : meeting.handshake->take()) meeting.client.step(datagram);
  return meeting.state;
}

}  // namespace

TEST_CASE("D08 either key, either order of trial, every suite, with and without EMS and cookie, however the flight arrives") {
  for (const std::string suite : {"PSK-AES256-GCM-SHA384", "PSK-AES128-GCM-SHA256", "PSK-CHACHA20-POLY1305"}) {
    for (unsigned bits = 0; bits < 16; ++bits) {
      const bool ems = bits & 1, verify = bits & 2, formerFirst = bits & 4, usesFormer = bits & 8;
      for (const Flight flight : {whole, apart, finishedFirst, repeated}) {
        CAPTURE(suite);
        CAPTURE(bits);
        ClientConfig config = patient();
        config.ciphers = suite;
        config.extendedMasterSecret = ems;
        config.secret = usesFormer ? kFormer : kCurrent;
        Meeting meeting(config, candidate(suite, formerFirst), verify);
        REQUIRE(meet(meeting, flight) == State::kDone);
        CHECK(meeting.client.done);
        auto agreed = meeting.handshake->finish();
        REQUIRE(agreed);
        CHECK(agreed->former == usesFormer);
        meeting.handshake.reset();
        exchange(meeting.client, *agreed);
      }
    }
  }
}

TEST_CASE("D08 a third key opens nothing") {
  ClientConfig config = patient();
  config.secret = kOther;
  config.extendedMasterSecret = true;
  Meeting meeting(config, candidate(config.ciphers, false), true);
  CHECK(meet(meeting, whole) != State::kDone);
  CHECK_FALSE(meeting.client.done);
}

TEST_CASE("D08 a suite whose records cannot be tried goes with the first key") {
  for (const bool formerFirst : {false, true}) {
    ClientConfig config = patient();
    config.ciphers = "PSK-AES128-CBC-SHA";
    config.secret = formerFirst ? kFormer : kCurrent;
    Meeting meeting(config, candidate(config.ciphers, formerFirst), false);
    REQUIRE(meet(meeting, whole) == State::kDone);
    auto agreed = meeting.handshake->finish();
    REQUIRE(agreed);
    CHECK(agreed->former == formerFirst);
  }
}

TEST_CASE("D08 what is held back is bounded: beyond it the first key is taken") {
  for (const bool beyond : {false, true}) {
    ClientConfig config = patient();
    config.secret = kFormer;
    Meeting meeting(config, candidate(config.ciphers, false), false);
    const std::vector<Bytes> records = recordsOf(joined(meeting.client.step(meeting.toClient.at(0))));
    REQUIRE(records.size() == 3);
    // The beginning of the flight again and again: each waits for the end.
    const size_t times = beyond ? DtlsPskChoice::kHeld / records[0].size() + 1 : 3;
    for (size_t i = 0; i < times; ++i) CHECK(meeting.handshake->feed(records[0]) == State::kRunning);
    meeting.handshake->feed(records[1]);
    CHECK((meeting.handshake->feed(records[2]) == State::kDone) == !beyond);
  }
}
