// Keys that make way while packets go both ways: by time, by what they have done, and by the client's own handshake.
// sanitizer: thread
#include "dtls_session.h"

using namespace postern;
using namespace postern::test;

namespace {

constexpr uint32_t kRekey = static_cast<uint32_t>(DtlsDownReason::kRekey);

TunnelSpec rekeying(uint8_t host) {
  TunnelSpec spec = specWith(host);
  spec.rekeySec = 1;
  return spec;
}

}  // namespace

TEST_CASE("D11 TLS 1.3 keys of ours make way each rekeySec, and the client notices nothing") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session session(gateway, 2, 2, rekeying(2));
  HostUdp host;
  for (int update = 0; update < 3; ++update) {
    CHECK(gateway.waitStat(Stat::keyUpdatesSent, static_cast<uint64_t>(update) + 1) >= static_cast<uint64_t>(update) + 1);
    host.sendTo(2, 40000, text("down"));
    const auto frame = session.tls->receive();
    REQUIRE(frame);
    CHECK(frame->type == cstp::kData);
    session.tls->send(cstp::kData, udpPacket(2, host, text("up")));
    CHECK(host.receive() == text("up"));
  }
  CHECK_FALSE(gateway.downReason(2, 0));
}

TEST_CASE("D11 DTLS keys make way each rekeySec: we fall silent on them, read on, and take the client's new ones") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session session(gateway, 2, 2, rekeying(2));
  HostUdp host;
  auto first = session.udp();
  REQUIRE(first->connect());
  first->send(cstp::kData, udpPacket(2, host, text("1")));
  CHECK(host.receive() == text("1"));
  const auto down = gateway.events.wait(EventType::kDtlsDown, 2);
  REQUIRE(down);
  CHECK(down->arg == kRekey);
  CHECK(gateway.stat(Stat::dtlsRekeys) == 1);
  // Nothing is lost on the way there: packets take the TLS channel, and what the client still sends arrives.
  host.sendTo(2, 40000, text("over tls"));
  CHECK(session.tls->receive(cstp::kData));
  first->send(cstp::kData, udpPacket(2, host, text("2")));
  CHECK(host.receive() == text("2"));
  first->send(cstp::kDpdReq, text("?"));
  CHECK_FALSE(first->receive(100));
  host.sendTo(2, 40000, text("still over tls"));
  CHECK(session.tls->receive(cstp::kData));
  auto second = session.udp();
  REQUIRE(second->connect());
  second->send(cstp::kData, udpPacket(2, host, text("3")));
  CHECK(host.receive() == text("3"));
  host.sendTo(2, 40000, text("back"));
  CHECK(second->receive(cstp::kData));
  CHECK_FALSE(gateway.downReason(2, 0));
}

TEST_CASE("D11 packets that come between a tunnel's end and its successor wait, and none is lost") {
  NEEDS_NETWORK();
  for (const uint32_t workers : {1u, 2u}) {
    Gateway gateway(workers);
    auto first = gateway.connect(2, Gateway::spec(2));
    REQUIRE(gateway.events.wait(EventType::kTunnelUp, 2));
    HostUdp host;
    host.sendTo(2, 40000, text("before"));
    CHECK(first->receive(cstp::kData));
    first->hangUp();
    REQUIRE(gateway.downReason(2) == TunnelDownReason::kEof);
    for (const char* words : {"one", "two", "three"}) host.sendTo(2, 40000, text(words));
    TunnelSpec spec = Gateway::spec(2);
    spec.predecessor = 2;
    auto second = gateway.connect(3, spec);
    for (const char* words : {"one", "two", "three"}) {
      const auto frame = second->receive(cstp::kData);
      REQUIRE(frame);
      CHECK(Bytes(frame->payload.begin() + kHeaders, frame->payload.end()) == text(words));
    }
    CHECK(gateway.stat(Stat::noRoute) == 0);
  }
}

TEST_CASE("packets for the client that had an address do not reach the one that has it now") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto first = gateway.connect(2, Gateway::spec(2));
  HostUdp host;
  host.sendTo(2, 40000, text("before"));
  CHECK(first->receive(cstp::kData));
  first->hangUp();
  REQUIRE(gateway.downReason(2) == TunnelDownReason::kEof);
  host.sendTo(2, 40000, text("secret"));
  auto stranger = gateway.connect(3, Gateway::spec(2));
  REQUIRE(gateway.events.wait(EventType::kTunnelUp, 3));
  CHECK(gateway.waitStat(Stat::noRoute, 1) == 1);
  host.sendTo(2, 40000, text("yours"));
  const auto frame = stranger->receive(cstp::kData);
  REQUIRE(frame);
  CHECK(Bytes(frame->payload.begin() + kHeaders, frame->payload.end()) == text("yours"));
}
