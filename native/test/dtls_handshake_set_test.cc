#include "dtls_handshake_set.h"

#include <doctest/doctest.h>

#include "dtls_net.h"

using namespace postern;
using namespace postern::test;

namespace {
const Bytes kId(32, 0x51);
constexpr uint64_t kStart = 1'000'000;

UdpPeer ipv6Peer(uint16_t network, uint64_t host, uint16_t port) {
  UdpPeer peer;
  peer.address = {0x20, 0x01, 0x0d, 0xb8, 0, 0};
  store16(&peer.address[6], network);
  store32(&peer.address[12], static_cast<uint32_t>(host));
  peer.port = port;
  return peer;
}
Bytes helloOf(uint8_t random) {
  HelloParts parts;
  parts.random = Bytes(32, random);
  parts.ciphers = {0x00, 0xa9};
  return clientHello(parts);
}
// The cookie is greet()'s business: begin() takes ClientHellos without one.
void open(Gateway& gateway, const UdpPeer& peer, uint32_t tunnel, uint8_t random = 1, uint64_t now = kStart) {
  gateway.set.begin(peer, pskCandidate(tunnel, kId), helloOf(random), now);
}
uint64_t begun(const Gateway& g) { return g.get(Stat::dtlsHandshakes) + g.get(Stat::dtlsHandshakeFailures) + g.get(Stat::dtlsHandshakesOpen); }
ClientConfig slow() {
  ClientConfig config;
  config.timerUs = 60'000'000;
  return config;
}
}  // namespace

TEST_CASE("a ClientHello that is repeated begins nothing, another of the same peer begins afresh") {
  Gateway gateway;
  open(gateway, peerAt(7, 1), 7, 1);
  CHECK(gateway.set.open() == 1);
  CHECK(gateway.sender.sent.size() == 1);
  open(gateway, peerAt(7, 1), 7, 1);
  CHECK(gateway.sender.sent.size() == 1);
  CHECK(begun(gateway) == 1);
  open(gateway, peerAt(7, 1), 7, 2);
  CHECK(gateway.set.open() == 1);
  CHECK(gateway.sender.sent.size() == 2);
  CHECK(gateway.get(Stat::dtlsHandshakeFailures) == 1);
  open(gateway, peerAt(7, 2), 7, 2);
  CHECK(gateway.set.open() == 2);
}

TEST_CASE("one address, or one IPv6 network, has half of the handshakes, and with half of them taken no more than its share") {
  for (const bool ipv4 : {true, false}) {
    Gateway gateway;
    for (uint16_t i = 0; i < DtlsHandshakes::kLent + 3; ++i) {
      open(gateway, ipv4 ? peerAt(7, static_cast<uint16_t>(1 + i)) : ipv6Peer(1, i, 443), 1000 + i);
    }
    CHECK(gateway.set.open() == DtlsHandshakes::kLent);
    CHECK(gateway.get(Stat::dtlsHandshakesRefused) == 3);
    for (uint16_t i = 0; i < DtlsHandshakes::kOpenPerAddress + 2; ++i) {
      open(gateway, ipv4 ? peerAt(8, static_cast<uint16_t>(1 + i)) : ipv6Peer(2, i, 443), 3000 + i);
    }
    CHECK(gateway.set.open() == DtlsHandshakes::kLent + DtlsHandshakes::kOpenPerAddress);
    CHECK(gateway.get(Stat::dtlsHandshakesRefused) == 5);
    gateway.set.tick(kStart + DtlsHandshakes::kTimeoutMs);
    CHECK(gateway.set.open() == 0);
    open(gateway, ipv4 ? peerAt(7, 1) : ipv6Peer(1, 0, 443), 7);
    CHECK(gateway.set.open() == 1);
  }
}

TEST_CASE("no more handshakes than allowed in all; a place that is free again is used") {
  Gateway gateway;
  for (uint32_t i = 0; i < DtlsHandshakes::kOpen + 5; ++i) open(gateway, peerAt(static_cast<uint8_t>(i / 40), static_cast<uint16_t>(1 + i)), i);
  CHECK(gateway.set.open() == DtlsHandshakes::kOpen);
  CHECK(gateway.get(Stat::dtlsHandshakesRefused) == 5);
  CHECK(gateway.get(Stat::dtlsHandshakesOpen) == DtlsHandshakes::kOpen);
  gateway.set.forget(3);
  CHECK(gateway.set.open() == DtlsHandshakes::kOpen - 1);
  open(gateway, peerAt(200, 1), 9000);
  CHECK(gateway.set.open() == DtlsHandshakes::kOpen);
}

TEST_CASE("of one tunnel the oldest handshake gives way") {
  Gateway gateway;
  for (uint16_t i = 0; i < 3 * DtlsHandshakes::kOpenPerTunnel; ++i) open(gateway, peerAt(7, static_cast<uint16_t>(1 + i)), 7, 1, nowMs());
  CHECK(gateway.set.open() == DtlsHandshakes::kOpenPerTunnel);
  CHECK(gateway.get(Stat::dtlsHandshakesRefused) == 0);
  // The client itself, last, is not locked out.
  gateway.table.enter(pskCandidate(7, kId));
  DtlsClient client(slow());
  CHECK(converse(gateway, client, peerAt(9, 9)));
}

TEST_CASE("a handshake ends with its time, whatever keeps coming") {
  Gateway gateway;
  open(gateway, peerAt(7, 1), 7);
  gateway.set.datagram(peerAt(7, 1), record(22, 0, 5, message(16, 9, Bytes(10))), kStart + DtlsHandshakes::kTimeoutMs - 1);
  CHECK(gateway.set.tick(kStart + DtlsHandshakes::kTimeoutMs - 1) == kStart + DtlsHandshakes::kTimeoutMs);
  CHECK(gateway.set.open() == 1);
  CHECK(gateway.set.tick(kStart + DtlsHandshakes::kTimeoutMs) == UINT64_MAX);
  CHECK(gateway.set.open() == 0);
  CHECK(gateway.get(Stat::dtlsHandshakeFailures) == 1);
  gateway.set.datagram(peerAt(7, 1), record(22, 0, 5, message(16, 9, Bytes(10))), kStart + DtlsHandshakes::kTimeoutMs);
}

TEST_CASE("a finished handshake is kept until it is confirmed or has had its time") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(7, kId));
  for (const bool confirmed : {true, false}) {
    DtlsClient client(slow());
    REQUIRE(converse(gateway, client, peerAt(7, confirmed ? 1 : 2)));
    CHECK(gateway.set.kept() == 1);
    const uint64_t now = nowMs();
    if (confirmed) gateway.set.confirm(gateway.ready.back()->association + 1);
    CHECK(gateway.set.tick(now + DtlsHandshakes::kKeepMs - 1000) != UINT64_MAX);
    CHECK(gateway.set.kept() == 1);
    if (confirmed) gateway.set.confirm(gateway.ready.back()->association);
    else CHECK(gateway.set.tick(now + DtlsHandshakes::kKeepMs) == UINT64_MAX);
    CHECK(gateway.set.kept() == 0);
  }
  CHECK(gateway.ready[0]->association != gateway.ready[1]->association);
}

TEST_CASE("the kept ones are bounded: the oldest goes") {
  Gateway gateway;
  gateway.table.enter(resumedCandidate(7, kId, "AES128-GCM-SHA256"));
  ClientConfig config = slow();
  config.mode = DtlsOffer::Mode::kResumed;
  config.secret = Bytes(48, 0x42);
  config.ciphers = "AES128-GCM-SHA256";
  constexpr size_t kMore = 4;
  for (size_t i = 0; i < DtlsHandshakes::kKept + kMore; ++i) {
    DtlsClient client(config);
    REQUIRE(converse(gateway, client, peerAt(static_cast<uint8_t>(i >> 12), static_cast<uint16_t>(1 + (i & 0xfff)))));
    gateway.ready.back()->protection.reset();
  }
  CHECK(gateway.set.kept() == DtlsHandshakes::kKept);
  gateway.set.confirm(gateway.ready[kMore - 1]->association);  // gone already
  CHECK(gateway.set.kept() == DtlsHandshakes::kKept);
  gateway.set.confirm(gateway.ready[kMore]->association);
  CHECK(gateway.set.kept() == DtlsHandshakes::kKept - 1);
  gateway.set.forget(7);
  CHECK(gateway.set.kept() == 0);
}

TEST_CASE("a tunnel that is gone takes its handshakes with it") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(7, kId));
  DtlsClient client(slow());
  REQUIRE(converse(gateway, client, peerAt(7, 1)));
  open(gateway, peerAt(7, 2), 7);
  open(gateway, peerAt(7, 3), 8);
  gateway.set.forget(7);
  CHECK(gateway.set.open() == 1);
  CHECK(gateway.set.kept() == 0);
  CHECK(gateway.get(Stat::dtlsHandshakeFailures) == 1);
  gateway.set.forget(7);
}

TEST_CASE("application data before the last flight waits, in order and within bounds") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(7, kId));
  const UdpPeer peer = peerAt(7, 1);
  DtlsClient client(slow());
  Bytes lastFlight;
  // The client's last flight is held back while data, as if overtaking, arrives first.
  const bool whole = converse(gateway, client, peer, [&](size_t n, const Bytes& datagram) {
    if (n != 5) return std::vector<Bytes>{datagram};
    std::vector<Bytes> arrive;
    for (uint8_t i = 0; i < DtlsHandshakes::kEarly + 4; ++i) arrive.push_back(record(23, 1, i + 1, Bytes(100, i)));
    Bytes behind = datagram;
    append(behind, record(23, 1, 99, Bytes(50, 0xee)));
    arrive.push_back(behind);
    return arrive;
  });
  REQUIRE(whole);
  const auto& early = gateway.ready.back()->early;
  REQUIRE(early.size() == DtlsHandshakes::kEarly);
  for (uint8_t i = 0; i < DtlsHandshakes::kEarly; ++i) CHECK(early[i] == record(23, 1, i + 1, Bytes(100, i)));
}

TEST_CASE("data behind Finished in one datagram, and data after it, reach the worker") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(7, kId));
  const UdpPeer peer = peerAt(7, 1);
  DtlsClient client(slow());
  const Bytes data = record(23, 1, 1, Bytes(50, 0xee)), alert = record(21, 1, 2, Bytes(26, 0xdd));
  REQUIRE(converse(gateway, client, peer, [&](size_t n, const Bytes& datagram) {
    Bytes more = datagram;
    if (n == 5) append(more, data);
    return std::vector<Bytes>{more};
  }));
  REQUIRE(gateway.ready.back()->early.size() == 1);
  CHECK(gateway.ready.back()->early[0] == data);
  Bytes both = data;
  append(both, alert);
  gateway.set.datagram(peer, both, nowMs());
  gateway.set.datagram(peer, record(23, 2, 1, Bytes(50)), nowMs());
  gateway.set.datagram(peer, record(23, 0, 1, Bytes(50)), nowMs());
  REQUIRE(gateway.late.size() == 1);
  CHECK(gateway.late[0].datagram == both);
  CHECK(gateway.late[0].association == gateway.ready.back()->association);
  CHECK(gateway.late[0].tunnel == 7);
  CHECK(gateway.late[0].peer == peer);
}

TEST_CASE("the bytes of early data are bounded") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(7, kId));
  DtlsClient client(slow());
  REQUIRE(converse(gateway, client, peerAt(7, 1), [&](size_t n, const Bytes& datagram) {
    std::vector<Bytes> arrive(n == 5 ? 4 : 0, record(23, 1, 1, Bytes(DtlsHandshakes::kEarlyBytes / 3)));
    arrive.push_back(datagram);
    return arrive;
  }));
  CHECK(gateway.ready.back()->early.size() == 2);
}

TEST_CASE("the last flight goes out again for a repeated one, so often and not more often") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(7, kId));
  const UdpPeer peer = peerAt(7, 1);
  DtlsClient client(slow());
  Bytes clientFlight, ourFlight;
  REQUIRE(converse(gateway, client, peer, [&](size_t n, const Bytes& datagram) {
    if (n == 5) clientFlight = datagram;
    if (n == 6) ourFlight = datagram;
    return std::vector<Bytes>{datagram};
  }));
  uint64_t now = nowMs();
  gateway.set.datagram(peer, clientFlight, now);  // doubled by the network
  CHECK(gateway.sender.sent.empty());
  for (uint32_t i = 0; i < DtlsHandshakes::kRepeats + 3; ++i) {
    now += DtlsHandshakes::kRepeatGapMs;
    gateway.set.datagram(peer, clientFlight, now);
    gateway.set.datagram(peer, clientFlight, now + 1);
  }
  CHECK(gateway.sender.sent.size() == DtlsHandshakes::kRepeats);
  for (const auto& [to, datagram] : gateway.sender.sent) CHECK(datagram == ourFlight);
  CHECK(gateway.ready.size() == 1);
}

TEST_CASE("a new handshake of a peer whose last one is kept") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(7, kId));
  for (int round = 0; round < 2; ++round) {
    DtlsClient client(slow());
    REQUIRE(converse(gateway, client, peerAt(7, 1)));
    CHECK(talks(*gateway.ready.back(), client));
  }
  CHECK(gateway.set.kept() == 1);
  CHECK(gateway.ready.size() == 2);
}

TEST_CASE("a wrong secret, the secret of another session, an unknown session") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(7, kId));
  gateway.table.enter(pskCandidate(8, Bytes(32, 0x52), "PSK-AES256-GCM-SHA384", 0x43));
  ClientConfig config;
  config.secret = Bytes(32, 0x43);
  DtlsClient wrong(config);
  CHECK_FALSE(converse(gateway, wrong, peerAt(7, 1), untouched, 300));
  config.id = Bytes(32, 0x52);
  DtlsClient right(config);
  CHECK(converse(gateway, right, peerAt(7, 2), untouched));
  CHECK(gateway.ready.back()->tunnel == 8);
  config.id = Bytes(32, 0x53);
  DtlsClient unknown(config);
  const uint64_t before = begun(gateway);
  CHECK_FALSE(converse(gateway, unknown, peerAt(7, 3), untouched, 300));
  CHECK(begun(gateway) == before);
  CHECK(gateway.ready.size() == 1);
  CHECK(gateway.set.open() == 1);  // the wrong one, until its time is over
}

TEST_CASE("records that claim epoch 1 before it began cannot fill the memory") {
  for (const size_t claims : {DtlsHandshakes::kFinished - 1, DtlsHandshakes::kFinished}) {
    Gateway gateway;
    gateway.table.enter(pskCandidate(7, kId));
    DtlsClient client(slow());
    const bool done = converse(gateway, client, peerAt(7, 1), [&](size_t n, const Bytes& datagram) {
      std::vector<Bytes> arrive;
      for (uint64_t i = 0; n == 5 && i < claims; ++i) arrive.push_back(record(22, 1, 100 + i, Bytes(40, 1)));
      arrive.push_back(datagram);
      return arrive;
    }, 300);
    CHECK(done == (claims < DtlsHandshakes::kFinished));
  }
}

TEST_CASE("handshake messages in pieces that overlap and come out of order") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(7, kId));
  DtlsClient client(slow());
  CHECK(converse(gateway, client, peerAt(7, 1), [&](size_t n, const Bytes& datagram) {
    if (n != 5) return std::vector<Bytes>{datagram};
    const auto records = recordsOf(datagram);
    const Bytes body(records[0].begin() + 25, records[0].end());  // of ClientKeyExchange, behind its two headers
    const Bytes first(body.begin(), body.begin() + 3), middle(body.begin() + 2, body.begin() + 4), last(body.begin() + 3, body.end());
    return std::vector<Bytes>{record(22, 0, 20, message(16, 2, last, 3, body.size())), record(22, 0, 21, message(16, 2, middle, 2, body.size())),
                              records[2], record(22, 0, 22, message(16, 2, first, 0, body.size())), records[1], records[2]};
  }));
  CHECK(talks(*gateway.ready.back(), client));
}

TEST_CASE("messages of absurd size and empty records") {
  for (const Bytes& bad : {record(22, 0, 23, message(16, 3, Bytes(9), 0, 0xfffff0)), record(22, 0, 23, message(16, 2, Bytes(9), 0, 0xfffff0)),
                           record(22, 0, 24, message(16, 2, {}, 0, 5)), record(22, 0, 25, {}), record(20, 0, 26, {}), record(20, 0, 26, {1, 1}),
                           record(22, 0, 27, message(16, 2, Bytes(9), 100, 20)), record(22, 0, 28, Bytes(11, 16))}) {
    Gateway gateway;
    gateway.table.enter(pskCandidate(7, kId));
    DtlsClient client(slow());
    converse(gateway, client, peerAt(7, 1), [&](size_t n, const Bytes& datagram) {
      return n == 5 ? std::vector<Bytes>{bad, datagram} : std::vector<Bytes>{datagram};
    }, 100);
    CHECK(begun(gateway) == 1);
    gateway.set.tick(nowMs() + DtlsHandshakes::kKeepMs + DtlsHandshakes::kTimeoutMs);
    CHECK(gateway.set.open() + gateway.set.kept() == 0);
  }
}

TEST_CASE("a storm of handshakes leaves nothing behind") {
  Gateway gateway;
  for (uint32_t i = 1; i <= 20; ++i) gateway.table.enter(pskCandidate(i, Bytes(32, static_cast<uint8_t>(i))));
  for (uint32_t i = 0; i < 600; ++i) {
    ClientConfig config = slow();
    config.id = Bytes(32, static_cast<uint8_t>(1 + i % 20));
    DtlsClient client(config);
    const UdpPeer peer = peerAt(static_cast<uint8_t>(i % 200), static_cast<uint16_t>(i));
    if (i % 3 == 0) {
      REQUIRE(converse(gateway, client, peer));
      if (i % 2 == 0) gateway.set.confirm(gateway.ready.back()->association);
      gateway.ready.clear();
    } else {
      // Gone after its ClientHello.
      converse(gateway, client, peer, [&](size_t n, const Bytes& datagram) { return n > 3 ? std::vector<Bytes>{} : std::vector<Bytes>{datagram}; }, 0);
    }
    if (i % 50 == 0) gateway.set.forget(1 + i % 20);
  }
  gateway.set.tick(nowMs() + DtlsHandshakes::kKeepMs + DtlsHandshakes::kTimeoutMs);
  CHECK(gateway.set.open() == 0);
  CHECK(gateway.set.kept() == 0);
  CHECK(gateway.get(Stat::dtlsHandshakesOpen) == 0);
  CHECK(gateway.get(Stat::dtlsHandshakes) == 200);
}
