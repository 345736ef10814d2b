// The ways between a client's DTLS channel and its tunnel: addresses, roaming, sizes, ICMP errors, workers.
// sanitizer: thread
#include "dtls_session.h"

using namespace postern;
using namespace postern::test;

TEST_CASE("a client that comes from another address moves by its handshake alone, without a gap") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session session(gateway, 2, 2);
  HostUdp host;
  auto first = session.udp();
  REQUIRE(first->connect());
  first->send(cstp::kData, udpPacket(2, host, text("1")));
  CHECK(host.receive() == text("1"));
  auto second = session.udp();
  REQUIRE(second->connect());
  host.sendTo(2, 40000, text("still here"));
  CHECK(first->receive(cstp::kData));
  first->send(cstp::kData, udpPacket(2, host, text("2")));
  CHECK(host.receive() == text("2"));
  second->send(cstp::kData, udpPacket(2, host, text("3")));
  CHECK(host.receive() == text("3"));
  host.sendTo(2, 40000, text("moved"));
  CHECK(second->receive(cstp::kData));
  CHECK_FALSE(first->receive(50));
  // What was under way on the old path still counts, and brings nothing back to it.
  first->send(cstp::kData, udpPacket(2, host, text("late")));
  CHECK(host.receive() == text("late"));
  first->send(cstp::kDpdReq, text("?"));
  host.sendTo(2, 40000, text("here"));
  CHECK(second->receive(cstp::kData));
  CHECK_FALSE(first->receive(50));
  CHECK(gateway.stat(Stat::udpUnknown) == 0);
  CHECK(gateway.stat(Stat::dtlsRoamed) == 0);
  CHECK(gateway.events.count(EventType::kDtlsUp, 2) == 2);
  const auto down = gateway.events.wait(EventType::kDtlsDown, 2);
  REQUIRE(down);
  CHECK(down->arg == static_cast<uint32_t>(DtlsDownReason::kReplaced));
}

TEST_CASE("answers leave from the address that was hit, both families") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, {{"0.0.0.0", kDtlsPort}, {"::", kDtlsPort}});
  uint8_t host = 2;
  for (const char* address : {"127.0.0.1", "127.0.0.9", "::1", "fd00::1", "10.20.0.1"}) {
    Session session(gateway, host, host);
    auto client = session.udp(address);
    REQUIRE(client->connect());
    HostUdp peer;
    client->send(cstp::kData, udpPacket(host, peer, text("up")));
    CHECK(peer.receive() == text("up"));
    for (int i = 0; i < 3; ++i) peer.sendTo(host, 40000, payload(1000));
    for (int i = 0; i < 3; ++i) CHECK(client->receive(cstp::kData));
    ++host;
  }
}

TEST_CASE("D08 two workers: a channel follows its client to another port, whichever worker got the datagram; packets go both ways") {
  NEEDS_NETWORK();
  for (const bool v6 : {false, true}) {
    Gateway gateway(2, 1400, {{v6 ? "::1" : "127.0.0.1", kDtlsPort}});
    HostUdp host;
    for (uint8_t n = 2; n < 12; ++n) {
      Session session(gateway, n, n);
      auto client = session.udp(v6 ? "::1" : "127.0.0.1");
      REQUIRE(client->connect());
      client->send(cstp::kDpdReq, {});
      REQUIRE(client->receive(cstp::kDpdResp));
      const Bytes seen = client->record(cstp::kDpdReq, {});
      client->sendRaw(seen);
      REQUIRE(client->receive(cstp::kDpdResp));
      const size_t before = gateway.events.count(EventType::kRoamed, n);
      const uint64_t refused = gateway.stat(Stat::dtlsRoamingRefused);
      client->rebind();
      client->sendRaw(seen);  // a repeat moves nothing
      CHECK(gateway.waitStat(Stat::dtlsRoamingRefused, refused + 1) == refused + 1);
      CHECK(gateway.events.count(EventType::kRoamed, n) == before);
      client->send(cstp::kData, udpPacket(n, host, text("up")));
      CHECK(host.receive() == text("up"));
      CHECK(gateway.events.count(EventType::kRoamed, n) == before + 1);
      for (int i = 0; i < 3; ++i) {
        client->send(cstp::kData, udpPacket(n, host, text("more")));
        CHECK(host.receive() == text("more"));
        host.sendTo(n, 40000, text("down"));
        CHECK(client->receive(cstp::kData));
      }
      CHECK(gateway.events.count(EventType::kDtlsDown, n) == 0);
      session.tls->hangUp();
      CHECK(gateway.downReason(n));
    }
    CHECK(gateway.stat(Stat::dtlsRoamed) == 10);
  }
}

TEST_CASE("a peer that is gone, and its ICMP errors, hurt nobody") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session gone(gateway, 2, 2), there(gateway, 3, 3);
  auto a = gone.udp(), b = there.udp();
  for (auto* client : {a.get(), b.get()}) {
    REQUIRE(client->connect());
    client->send(cstp::kDpdReq, {});
    REQUIRE(client->receive(cstp::kDpdResp));
  }
  a.reset();
  HostUdp host;
  size_t got = 0;
  for (int i = 0; i < 300; ++i) {
    host.sendTo(2, 40000, payload(500));
    host.sendTo(3, 40000, payload(500));
    got += b->receive(cstp::kData).has_value();
  }
  CHECK(got == 300);
  CHECK(gateway.events.count(EventType::kDtlsDown, 2) == 0);
}

TEST_CASE("packets too long for the path of datagrams take TLS; the others stay") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session session(gateway, 2, 2);
  auto client = session.udp();
  REQUIRE(client->connect());
  client->send(cstp::kDpdReq, {});
  REQUIRE(client->receive(cstp::kDpdResp));
  HostUdp host;
  host.sendTo(2, 40000, payload(1300));
  REQUIRE(client->receive(cstp::kData));
  REQUIRE(std::system("ip link set lo mtu 1280") == 0);
  for (int i = 0; i < 3; ++i) host.sendTo(2, 40000, payload(1300));  // one of them shows it, the run of all of them is lost
  CHECK(gateway.waitStat(Stat::udpWriteErrors, 1) >= 1);
  const uint64_t lost = gateway.counters(2)[6];
  CHECK(lost >= 1);
  host.sendTo(2, 40000, payload(1300));
  host.sendTo(2, 40000, payload(700));
  const auto large = session.tls->receive(cstp::kData);
  REQUIRE(large);
  CHECK(large->payload.size() == 1328);
  CHECK(client->receive(cstp::kData));
  CHECK(gateway.counters(2)[6] == lost);
  CHECK(gateway.events.count(EventType::kDtlsDown, 2) == 0);
  REQUIRE(std::system("ip link set lo mtu 65536") == 0);
}

TEST_CASE("two workers: a datagram finds the worker of its tunnel, whichever got it") {
  NEEDS_NETWORK();
  Gateway gateway(2, 1400, loopback());
  HostUdp host;
  for (uint8_t n = 2; n < 18; ++n) {
    Session session(gateway, n, n);
    auto client = session.udp();
    REQUIRE(client->connect());
    for (int i = 0; i < 5; ++i) {
      client->send(cstp::kData, udpPacket(n, host, text("up")));
      CHECK(host.receive() == text("up"));
      host.sendTo(n, 40000, text("down"));
      CHECK(client->receive(cstp::kData));
    }
  }
  CHECK(gateway.stat(Stat::udpHandOverDropped) == 0);
  MESSAGE("handed over ", gateway.stat(Stat::udpHandedOver));
}
