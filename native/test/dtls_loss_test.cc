// Handshakes over a network that loses, doubles, splits and reorders.
#include <doctest/doctest.h>

#include "dtls_net.h"

using namespace postern;
using namespace postern::test;
using Mode = DtlsOffer::Mode;

namespace {
const Bytes kId(32, 0x51);

// A gateway with one session, and the client of that session. Its timer is longer than the gap between our repeats.
struct Case {
  Gateway gateway;
  DtlsClient client;
  UdpPeer peer = peerAt(7, 4431);

  explicit Case(bool resumed) : client(config(resumed)) {
    gateway.table.enter(resumed ? resumedCandidate(7, kId, "ECDHE-RSA-AES256-GCM-SHA384") : pskCandidate(7, kId));
  }
  static ClientConfig config(bool resumed) {
    ClientConfig made;
    made.timerUs = 130'000;
    if (!resumed) return made;
    made.mode = Mode::kResumed;
    made.secret = Bytes(48, 0x42);
    made.ciphers = "ECDHE-RSA-AES256-GCM-SHA384";
    return made;
  }
  bool works(const Network& network) {
    if (!converse(gateway, client, peer, network)) return false;
    CHECK(gateway.ready.size() == 1);
    CHECK(gateway.handshakes >= 1);
    CHECK(gateway.get(Stat::dtlsHandshakes) == 1);
    CHECK(gateway.get(Stat::dtlsHandshakesOpen) == 0);
    CHECK(gateway.get(Stat::dtlsHandshakeFailures) == 0);
    return talks(*gateway.ready.back(), client);
  }
};
// ClientHello, HelloVerifyRequest, ClientHello, ServerHello, ClientKeyExchange, Finished; without the first two, and the
// gateway's Finished before the client's, when resuming.
constexpr size_t kPskDatagrams = 6, kResumedDatagrams = 3;
}  // namespace

TEST_CASE("nothing lost: as many datagrams as there have to be") {
  for (const bool resumed : {false, true}) {
    Case one(resumed);
    size_t seen = 0;
    CHECK(one.works([&](size_t n, const Bytes& datagram) { return seen = n, std::vector<Bytes>{datagram}; }));
    CHECK(seen == (resumed ? kResumedDatagrams : kPskDatagrams));
  }
}

TEST_CASE("any one datagram may be lost") {
  for (const bool resumed : {false, true}) {
    for (size_t lost = 1; lost <= (resumed ? kResumedDatagrams : kPskDatagrams); ++lost) {
      CAPTURE(resumed);
      CAPTURE(lost);
      Case one(resumed);
      CHECK(one.works([&](size_t n, const Bytes& datagram) { return n == lost ? std::vector<Bytes>{} : std::vector<Bytes>{datagram}; }));
    }
  }
}

TEST_CASE("the last flight may be lost several times") {
  Case one(false);
  size_t finishes = 0;
  CHECK(one.works([&](size_t, const Bytes& datagram) {
    // Only the gateway's last flight is a ChangeCipherSpec with something behind it.
    if (datagram[0] != 20 || recordsOf(datagram).size() != 2) return std::vector<Bytes>{datagram};
    return ++finishes <= 3 ? std::vector<Bytes>{} : std::vector<Bytes>{datagram};
  }));
  CHECK(finishes == 4);
}

TEST_CASE("every datagram comes twice") {
  for (const bool resumed : {false, true}) {
    Case one(resumed);
    CHECK(one.works([](size_t, const Bytes& datagram) { return std::vector<Bytes>{datagram, datagram}; }));
  }
}

TEST_CASE("records in datagrams of their own, in order and in reverse") {
  for (const bool resumed : {false, true}) {
    for (const bool reverse : {false, true}) {
      CAPTURE(resumed);
      CAPTURE(reverse);
      Case one(resumed);
      CHECK(one.works([&](size_t, const Bytes& datagram) {
        auto records = recordsOf(datagram);
        if (reverse) std::reverse(records.begin(), records.end());
        return records;
      }));
    }
  }
}

TEST_CASE("any one record may be lost") {
  for (const bool resumed : {false, true}) {
    for (size_t lost = 1; lost <= (resumed ? 6 : 10); ++lost) {
      CAPTURE(resumed);
      CAPTURE(lost);
      Case one(resumed);
      size_t n = 0;
      CHECK(one.works([&](size_t, const Bytes& datagram) {
        auto records = recordsOf(datagram);
        std::erase_if(records, [&](const Bytes&) { return ++n == lost; });
        return records;
      }));
    }
  }
}

TEST_CASE("garbage between the datagrams") {
  for (const bool resumed : {false, true}) {
    Case one(resumed);
    CHECK(one.works([](size_t, const Bytes& datagram) {
      Bytes bad = datagram;
      if (bad[4] == 0) bad[4] = 1;  // the records claim another epoch
      Bytes cut(datagram.begin(), datagram.end() - 1);
      return std::vector<Bytes>{{}, {22}, Bytes(1400, 0x16), cut, bad, datagram};
    }));
  }
}
