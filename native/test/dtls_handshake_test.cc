#include "dtls_handshake.h"

#include <doctest/doctest.h>

#include "dtls_meeting.h"

using namespace postern;
using namespace postern::test;
using State = DtlsHandshake::State;
using Mode = DtlsOffer::Mode;

namespace {
constexpr uint16_t kMtu = 1500;
const Bytes kId(32, 0x51);

ClientConfig resuming(const std::string& cipher) {
  ClientConfig config;
  config.mode = Mode::kResumed;
  config.secret = Bytes(48, 0x42);
  config.ciphers = cipher;
  return config;
}

const char* const kPskSuites[] = {"PSK-AES256-GCM-SHA384", "PSK-AES128-GCM-SHA256", "PSK-CHACHA20-POLY1305"};
const char* const kResumedSuites[] = {
    "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384",
    "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES256-SHA", "DHE-RSA-AES128-SHA", "AES256-SHA", "AES128-SHA",
    "AES256-SHA256", "AES128-SHA256", "DHE-RSA-AES256-SHA256", "DHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES128-SHA256"};
}  // namespace

TEST_CASE("G11 a PSK handshake with every suite, with and without a cookie, with and without EMS") {
  for (const std::string suite : kPskSuites) {
    for (const bool verify : {true, false}) {
      for (const bool ems : {true, false}) {
        CAPTURE(suite);
        CAPTURE(verify);
        CAPTURE(ems);
        ClientConfig config;
        config.ciphers = suite;
        config.extendedMasterSecret = ems;
        Meeting meeting(config, pskCandidate(7, kId, suite), verify);
        meeting.run();
        REQUIRE(meeting.state == State::kDone);
        CHECK(meeting.client.done);
        CHECK(SSL_get_extms_support(meeting.client.ssl) == (ems ? 1 : 0));
        CHECK(meeting.datagramsToClient == 2);  // each of our flights is one datagram
        auto agreed = meeting.handshake->finish();
        REQUIRE(agreed);
        CHECK(agreed->cipher == suite);
        CHECK(agreed->lastFlight.size() == 1);
        meeting.handshake.reset();
        exchange(meeting.client, *agreed);
      }
    }
  }
}

TEST_CASE("G12 a resumed handshake with every suite, with and without a cookie, whatever EMS the client offers") {
  for (const std::string suite : kResumedSuites) {
    for (const bool verify : {true, false}) {
      for (const bool ems : {true, false}) {
        CAPTURE(suite);
        CAPTURE(verify);
        CAPTURE(ems);
        ClientConfig config = resuming(suite);
        config.extendedMasterSecret = ems;
        Meeting meeting(config, resumedCandidate(7, kId, suite), verify);
        meeting.run();
        REQUIRE(meeting.state == State::kDone);
        REQUIRE(meeting.client.done);
        CHECK(SSL_session_reused(meeting.client.ssl) == 1);
        CHECK(SSL_get_extms_support(meeting.client.ssl) == 0);
        CHECK(meeting.datagramsToClient == 1);
        auto agreed = meeting.handshake->finish();
        REQUIRE(agreed);
        CHECK(agreed->cipher == suite);
        CHECK(agreed->lastFlight.empty());
        meeting.handshake.reset();
        exchange(meeting.client, *agreed);
      }
    }
  }
}

TEST_CASE("G14 the order of suites is the gateway's") {
  ClientConfig config;
  config.ciphers = "PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256:PSK-CHACHA20-POLY1305";
  Meeting meeting(config, pskCandidate(7, kId, "PSK-CHACHA20-POLY1305:PSK-AES128-GCM-SHA256"), true);
  meeting.run();
  REQUIRE(meeting.state == State::kDone);
  CHECK(meeting.handshake->finish()->cipher == "PSK-CHACHA20-POLY1305");
}

TEST_CASE("session ids of every length") {
  for (const size_t length : {1, 2, 31, 32}) {
    CAPTURE(length);
    ClientConfig config = resuming("AES256-GCM-SHA384");
    config.id = Bytes(length, 3);
    Meeting meeting(config, resumedCandidate(7, config.id, "AES256-GCM-SHA384"), false);
    meeting.run();
    CHECK(meeting.state == State::kDone);
    CHECK(meeting.client.done);
  }
}

TEST_CASE("a wrong key never ends well") {
  ClientConfig config;
  config.secret = Bytes(32, 0x43);
  Meeting meeting(config, pskCandidate(7, kId), true);
  meeting.run();
  CHECK(meeting.state != State::kDone);
  CHECK_FALSE(meeting.client.done);
  ClientConfig resumed = resuming("AES256-GCM-SHA384");
  resumed.secret = Bytes(48, 0x43);
  Meeting other(resumed, resumedCandidate(7, kId, "AES256-GCM-SHA384"), false);
  other.run();
  CHECK(other.state != State::kDone);
  CHECK_FALSE(other.client.done);
}

TEST_CASE("no suite in common") {
  ClientConfig config;
  config.ciphers = "PSK-AES128-GCM-SHA256";
  Meeting meeting(config, pskCandidate(7, kId, "PSK-AES256-GCM-SHA384"), true);
  CHECK(meeting.state == State::kFailed);
  meeting.run();
  CHECK(meeting.client.failed);  // told by an alert
}

TEST_CASE("G12 no full handshake where a session is to be resumed") {
  ClientConfig config = resuming("AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:PSK-AES256-GCM-SHA384:ADH-AES256-GCM-SHA384");
  config.id = Bytes(32, 0x52);  // greet() would not have let it through
  Meeting meeting(config, resumedCandidate(7, kId, "AES256-GCM-SHA384"), false);
  CHECK(meeting.state == State::kFailed);
}

TEST_CASE("offers that OpenSSL cannot serve") {
  DtlsContexts contexts;
  CHECK(DtlsHandshake::create(contexts, pskCandidate(7, kId, "NO-SUCH-SUITE"), kMtu, true) == nullptr);
  CHECK(DtlsHandshake::create(contexts, resumedCandidate(7, kId, "AES256-GCM-SHA384:AES128-GCM-SHA256"), kMtu, true) == nullptr);
  DtlsCandidate candidate = pskCandidate(7, kId);
  candidate.secret = DtlsSecret();
  CHECK(DtlsHandshake::create(contexts, candidate, kMtu, true) == nullptr);
  candidate = resumedCandidate(7, kId, "AES256-GCM-SHA384");
  candidate.secret = DtlsSecret(Bytes(47, 1));
  CHECK(DtlsHandshake::create(contexts, candidate, kMtu, true) == nullptr);
}

TEST_CASE("a client that speaks DTLS 1.0 alone is refused") {
  ClientConfig config = resuming("AES256-SHA");
  DtlsClient client(config);
  SSL_set_min_proto_version(client.ssl, DTLS1_VERSION);
  SSL_set_max_proto_version(client.ssl, DTLS1_VERSION);
  DtlsContexts contexts;
  auto handshake = DtlsHandshake::create(contexts, resumedCandidate(7, kId, "AES256-SHA"), kMtu, true);
  CHECK(handshake->begin(client.step().at(0), false) == State::kFailed);
}

TEST_CASE("what is lost in the answer comes again by the clock, within the MTU") {
  Meeting meeting({}, pskCandidate(7, kId), true);
  REQUIRE(meeting.toClient.size() == 1);
  meeting.toClient.clear();
  const auto wait = meeting.handshake->timeoutMs();
  REQUIRE(wait);
  CHECK(*wait <= 1000);
  CHECK(*wait > 500);
  timespec pause{1, 100'000'000};
  nanosleep(&pause, nullptr);
  CHECK(meeting.handshake->tick() == State::kRunning);
  meeting.toClient = meeting.handshake->take();
  REQUIRE(meeting.toClient.size() > 0);  // OpenSSL repeats its messages one by one
  for (const Bytes& datagram : meeting.toClient) CHECK(datagram.size() <= kMtu - 28);
  meeting.run();
  REQUIRE(meeting.state == State::kDone);
  auto agreed = meeting.handshake->finish();
  REQUIRE(agreed);
  exchange(meeting.client, *agreed);
}

TEST_CASE("the last flight, lost, is sent again byte for byte, and data goes on behind it") {
  Meeting meeting({}, pskCandidate(7, kId), true);
  while (meeting.state == State::kRunning) {
    for (const Bytes& datagram : std::exchange(meeting.toClient, {})) meeting.toServer = meeting.client.step(datagram);
    for (const Bytes& datagram : std::exchange(meeting.toServer, {})) meeting.state = meeting.handshake->feed(datagram);
    meeting.toClient = meeting.handshake->take();
  }
  REQUIRE(meeting.state == State::kDone);
  auto agreed = meeting.handshake->finish();
  REQUIRE(agreed);
  CHECK(agreed->lastFlight == meeting.toClient);
  CHECK_FALSE(meeting.client.done);
  for (int copy = 0; copy < 3; ++copy) meeting.client.step(agreed->lastFlight.at(0));
  CHECK(meeting.client.done);
  exchange(meeting.client, *agreed);
}

TEST_CASE("no nonce of the handshake comes again in data") {
  for (int round = 0; round < 8; ++round) {
    Meeting meeting(resuming("AES128-GCM-SHA256"), resumedCandidate(7, kId, "AES128-GCM-SHA256"), false);
    const Bytes flight = meeting.toClient.at(0);
    meeting.run();
    auto agreed = meeting.handshake->finish();
    REQUIRE(agreed);
    // The Finished is the last record of the flight, the one of epoch 1.
    ByteView left = flight, finished;
    while (const size_t length = dtlsRecordLength(left)) finished = left.first(length), left = left.subspan(length);
    REQUIRE(finished[4] == 1);
    Bytes record(100 + agreed->protection->overhead());
    REQUIRE(agreed->protection->seal(record.data(), DtlsContent::kData, 100) > 0);
    const ByteView sequence = finished.subspan(5, 6), nonce = finished.subspan(13, 8);
    CHECK(record[10] == sequence[5] + 1);
    CHECK(Bytes(record.begin() + 13, record.begin() + 21) != Bytes(nonce.begin(), nonce.end()));
  }
}
