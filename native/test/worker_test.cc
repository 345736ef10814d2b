// Frames, packets and the end of a tunnel, through a real TUN device and a real TLS connection.
// sanitizer: thread
#include <net/if.h>

#include "gateway.h"

using namespace postern;
using namespace postern::test;

namespace {

Bytes text(const char* s) { return Bytes(s, s + std::strlen(s)); }

}  // namespace

TEST_CASE("packets go both ways, both families, and are counted") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2);
  for (const bool ipv6 : {false, true}) {
    HostUdp host(ipv6);
    REQUIRE(client->send(cstp::kData, udpPacket(2, host, text("up"), ipv6)));
    CHECK(host.receive() == text("up"));
    host.sendTo(2, 40000, text("down"));
    const auto frame = client->receive(cstp::kData);
    REQUIRE(frame);
    const size_t headers = ipv6 ? 48 : 28;
    CHECK(Bytes(frame->payload.begin() + static_cast<ptrdiff_t>(headers), frame->payload.end()) == text("down"));
    CHECK(fault(frame->payload, headers - 8, 17) == "");
  }
  const TunnelCounterWords words = gateway.counters(2);
  CHECK(words[0] == 2);
  CHECK(words[1] == 30 + 50);
  CHECK(words[2] == 2);
  CHECK(words[3] == 32 + 52);
  CHECK(words[7] < 5000);
  CHECK(gateway.stat(Stat::tunnelsOpen) == 1);
  CHECK(gateway.stat(Stat::tunTxPackets) == 2);
  TunnelCounterWords none;
  CHECK_FALSE(gateway.pool->counters(3, none));
}

TEST_CASE("the CONNECT answer goes first, early bytes are not lost") {
  NEEDS_NETWORK();
  Gateway gateway;
  HostUdp host;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TlsPair pair = connectTls(version);
    VpnClient client(pair);
    const uint32_t tunnel = static_cast<uint32_t>(version);
    auto promotion = Gateway::promotion(tunnel, Gateway::spec(2), pair);
    promotion->pendingOut = payload(50000);
    // Early: a whole frame and the first half of the next; the other half and one more are already in the socket.
    const Bytes frame = VpnClient::frame(cstp::kData, udpPacket(2, host, text("one")));
    promotion->early = frame;
    promotion->early.insert(promotion->early.end(), frame.begin(), frame.begin() + 11);
    Bytes rest(frame.begin() + 11, frame.end());
    rest.insert(rest.end(), frame.begin(), frame.end());
    REQUIRE(client.sendRaw(rest));
    gateway.pool->adopt(std::move(promotion));
    Bytes head;
    while (head.size() < 50000) {
      const auto record = client.record();
      REQUIRE(record);
      head.insert(head.end(), record->begin(), record->end());
    }
    CHECK(head == payload(50000));
    for (int i = 0; i < 3; ++i) CHECK(host.receive() == text("one"));
    gateway.pool->drop(tunnel, DropHow::kClose, "", TunnelDownReason::kDropped);
  }
}

TEST_CASE("G10 frames may be split and merged over records") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2);
  HostUdp host;
  Bytes stream;
  for (int i = 0; i < 3; ++i) {
    const Bytes frame = VpnClient::frame(cstp::kData, udpPacket(2, host, text("x")));
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  REQUIRE(client->sendRaw(stream));
  for (size_t i = 0; i < stream.size(); ++i) REQUIRE(client->sendRaw(ByteView(stream).subspan(i, 1)));
  for (int i = 0; i < 6; ++i) CHECK(host.receive() == text("x"));
  REQUIRE(client->send(cstp::kData, {}));
  REQUIRE(client->send(cstp::kDpdReq, {}));
  CHECK(client->receive(cstp::kDpdResp));
  CHECK(gateway.counters(2)[5] == 0);
}

TEST_CASE("a DPD request is echoed at full length, keepalives and unknown types change nothing") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2);
  for (const size_t length : {size_t{0}, size_t{1}, size_t{1350}, cstp::kMaxPayload}) {
    REQUIRE(client->send(cstp::kKeepalive, {}));
    REQUIRE(client->send(static_cast<cstp::Type>(0x42), text("?")));
    REQUIRE(client->send(cstp::kCompressed, text("not negotiated")));
    REQUIRE(client->send(cstp::kDpdReq, payload(length)));
    const auto answer = client->receive();
    REQUIRE(answer);
    CHECK(answer->type == cstp::kDpdResp);
    CHECK(answer->payload == payload(length));
  }
  CHECK(gateway.stat(Stat::dpdReceived) == 4);
  CHECK(gateway.stat(Stat::unknownFrames) == 4);
  CHECK(gateway.stat(Stat::decompressFailures) == 4);
}

TEST_CASE("DISCONNECT ends the tunnel with its payload, cut at 512 bytes") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2);
  Bytes bye = payload(1000);
  bye[0] = 0xb0;
  REQUIRE(client->send(cstp::kDisconnect, bye));
  const auto event = gateway.events.wait(EventType::kTunnelDown, 2);
  REQUIRE(event);
  CHECK(event->arg == static_cast<uint32_t>(TunnelDownReason::kPeerDisconnect));
  CHECK(Bytes(event->payload.begin() + sizeof(TunnelCounterWords), event->payload.end()) == Bytes(bye.begin(), bye.begin() + 512));
  CHECK(gateway.stat(Stat::tunnelsOpen) == 0);
}

TEST_CASE("G10 a broken frame ends that tunnel only") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto witness = gateway.connect(9);
  const Bytes good = VpnClient::frame(cstp::kKeepalive, {});
  uint32_t tunnel = 100;
  for (const size_t at : {0, 3, 7, 4}) {
    auto client = gateway.connect(++tunnel, Gateway::spec(2));
    Bytes bad = good;
    bad[at] = 0xff;
    REQUIRE(client->sendRaw(bad));
    CHECK(gateway.downReason(tunnel) == TunnelDownReason::kFrame);
    CHECK_FALSE(client->receive());
  }
  CHECK(gateway.stat(Stat::cstpFrameErrors) == 4);
  REQUIRE(witness->send(cstp::kDpdReq, text("alive")));
  CHECK(witness->receive(cstp::kDpdResp));
}

TEST_CASE("a foreign inner source is dropped and counted, link-local noise quietly") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2);
  HostUdp host, host6(true);
  client->send(cstp::kData, udpPacket(3, host, text("forged")));
  client->send(cstp::kData, udpPacket(3, host6, text("forged"), true));
  Bytes linkLocal = udpPacket(2, host6, text("noise"), true);
  linkLocal[8] = 0xfe;
  linkLocal[9] = 0x80;
  Bytes multicast = udpPacket(2, host6, text("noise"), true);
  multicast[24] = 0xff;
  client->send(cstp::kData, linkLocal);
  client->send(cstp::kData, multicast);
  client->send(cstp::kData, text("no packet"));
  Bytes truncated = udpPacket(2, host, text("short"));
  truncated.pop_back();
  client->send(cstp::kData, truncated);
  client->send(cstp::kData, udpPacket(2, host, text("true")));
  CHECK(host.receive() == text("true"));
  const TunnelCounterWords words = gateway.counters(2);
  CHECK(words[0] == 1);
  CHECK(words[4] == 2);
  CHECK(words[5] == 4);
  CHECK(gateway.stat(Stat::rxSpoofed) == 2);
  CHECK(gateway.stat(Stat::rxInvalid) == 4);
  CHECK(gateway.waitStat(Stat::tunTxPackets, 1) == 1);
}

TEST_CASE("a packet above the tunnel's mtu is answered with its size") {
  NEEDS_NETWORK();
  Gateway gateway;
  TunnelSpec spec = Gateway::spec(2);
  spec.mtu = 1300;
  auto client = gateway.connect(2, spec);
  for (const bool ipv6 : {false, true}) {
    HostUdp host(ipv6);
    host.sendTo(2, 40000, payload(1352));
    CHECK(gateway.waitStat(Stat::tooBig, ipv6 ? 2 : 1) == (ipv6 ? 2 : 1));
    host.sendTo(2, 40000, payload(1200));
    const auto frame = client->receive(cstp::kData);
    REQUIRE(frame);
    CHECK(frame->payload.size() == (ipv6 ? 1248 : 1228));
    // The host has learnt: the next one comes in fragments that fit.
    host.sendTo(2, 40000, payload(1352));
    for (int i = 0; i < 2; ++i) {
      const auto fragment = client->receive(cstp::kData);
      REQUIRE(fragment);
      CHECK(fragment->payload.size() <= 1300);
    }
  }
  // Where the sender allows it, the gateway cuts.
  HostUdp host;
  const int never = IP_PMTUDISC_DONT;
  ::setsockopt(host.fd(), IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof never);
  spec = Gateway::spec(3);
  spec.mtu = 600;
  auto narrow = gateway.connect(3, spec);
  host.sendTo(3, 40000, payload(1300));
  Bytes whole;
  for (int i = 0; i < 3; ++i) {
    const auto fragment = narrow->receive(cstp::kData);
    REQUIRE(fragment);
    const Bytes& p = fragment->payload;
    CHECK(p.size() <= 600);
    CHECK(get16(p, 2) == p.size());
    CHECK(naiveSum(ByteView(p).first(20)) == 0xffff);
    CHECK((get16(p, 6) & 0x1fff) * 8u == whole.size());
    CHECK((get16(p, 6) & 0x2000) == (i < 2 ? 0x2000 : 0));
    whole.insert(whole.end(), p.begin() + 20, p.end());
  }
  CHECK(Bytes(whole.begin() + 8, whole.end()) == payload(1300));
  host.sendTo(77, 40000, text("nobody"));
  CHECK(gateway.waitStat(Stat::noRoute, 1) == 1);
}

TEST_CASE("drop says what it was told to say") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto disconnected = gateway.connect(2);
  auto terminated = gateway.connect(3);
  auto closed = gateway.connect(4);
  gateway.pool->drop(2, DropHow::kDisconnect, "Administrator reset", TunnelDownReason::kDropped);
  gateway.pool->drop(3, DropHow::kTerminate, "bye", TunnelDownReason::kDropped);
  gateway.pool->drop(4, DropHow::kClose, "unused", TunnelDownReason::kSuperseded);
  gateway.pool->drop(5, DropHow::kClose, "", TunnelDownReason::kDropped);
  const auto frame = disconnected->receive();
  REQUIRE(frame);
  CHECK(frame->type == cstp::kDisconnect);
  CHECK(frame->payload == text("\x01" "Administrator reset"));
  CHECK_FALSE(disconnected->receive());
  CHECK(disconnected->closeNotify());
  const auto kick = terminated->receive();
  REQUIRE(kick);
  CHECK(kick->type == cstp::kTerminate);
  CHECK_FALSE(closed->receive());
  CHECK(closed->closeNotify());
  CHECK(gateway.downReason(2) == TunnelDownReason::kDropped);
  CHECK(gateway.downReason(3) == TunnelDownReason::kDropped);
  CHECK(gateway.downReason(4) == TunnelDownReason::kSuperseded);
  CHECK(gateway.stat(Stat::tunnelsOpen) == 0);
}

TEST_CASE("a drop and an update that overtake their adopt still count") {
  NEEDS_NETWORK();
  Gateway gateway;
  gateway.pool->drop(2, DropHow::kDisconnect, "too late", TunnelDownReason::kDropped);
  const TlsPair pair = connectTls();
  VpnClient client(pair);
  gateway.pool->adopt(Gateway::promotion(2, Gateway::spec(2), pair));
  CHECK(gateway.downReason(2) == TunnelDownReason::kDropped);
  CHECK(gateway.events.count(EventType::kTunnelUp, 2) == 0);
  const auto frame = client.receive();
  REQUIRE(frame);
  CHECK(frame->type == cstp::kDisconnect);

  gateway.pool->update(3, Gateway::spec(7));
  auto moved = gateway.connect(3);
  HostUdp host;
  moved->send(cstp::kData, udpPacket(7, host, text("seven")));
  CHECK(host.receive() == text("seven"));
  gateway.pool->update(3, Gateway::spec(8));
  // The command and the bytes take different ways: ask until it has arrived.
  for (int i = 0; i < 100 && gateway.stat(Stat::rxSpoofed) == 0; ++i) {
    moved->send(cstp::kData, udpPacket(7, host, text("seven")));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(gateway.stat(Stat::rxSpoofed) > 0);
  host.sendTo(8, 40000, text("eight"));
  CHECK(moved->receive(cstp::kData));
}

TEST_CASE("the newest owner of an address has it, also after the older one left") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto older = gateway.connect(10, Gateway::spec(2));
  auto newer = gateway.connect(11, Gateway::spec(2));
  gateway.pool->drop(10, DropHow::kClose, "", TunnelDownReason::kSuperseded);
  CHECK(gateway.downReason(10) == TunnelDownReason::kSuperseded);
  HostUdp host;
  host.sendTo(2, 40000, text("newer"));
  CHECK(newer->receive(cstp::kData));
}

TEST_CASE("EOF, a reset and garbage instead of TLS end the tunnel with their reason") {
  NEEDS_NETWORK();
  Gateway gateway;
  gateway.connect(2)->hangUp();
  CHECK(gateway.downReason(2) == TunnelDownReason::kEof);

  auto reset = gateway.connect(3);
  const linger now{1, 0};
  ::setsockopt(reset->fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  reset->hangUp();
  CHECK(gateway.downReason(3) == TunnelDownReason::kEof);

  auto garbage = gateway.connect(4);
  const Bytes bytes(100, 0xaa);
  CHECK(::send(garbage->fd(), bytes.data(), bytes.size(), 0) == 100);
  CHECK(gateway.downReason(4) == TunnelDownReason::kTls);

  // Dead before it arrives.
  const TlsPair pair = connectTls();
  SSL_free(pair.client);
  ::setsockopt(pair.clientFd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(pair.clientFd);
  auto promotion = Gateway::promotion(5, Gateway::spec(5), pair);
  promotion->pendingOut = text("HTTP/1.1 200 CONNECTED\r\n\r\n");
  gateway.pool->adopt(std::move(promotion));
  CHECK(gateway.downReason(5) == TunnelDownReason::kGone);
  CHECK(gateway.events.count(EventType::kTunnelUp, 5) == 0);
}

TEST_CASE("a key update by the client is followed") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(SSL_key_update(client->ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
    REQUIRE(client->send(cstp::kDpdReq, text("key")));
    CHECK(client->receive(cstp::kDpdResp));
  }
}

TEST_CASE("stop ends every tunnel once, without DISCONNECT, and takes the device away") {
  NEEDS_NETWORK();
  Gateway gateway;
  const std::string device = gateway.pool->device();
  auto a = gateway.connect(2), b = gateway.connect(3);
  CHECK(::if_nametoindex(device.c_str()) != 0);
  gateway.pool->drop(3, DropHow::kDisconnect, "lingers", TunnelDownReason::kDropped);
  gateway.pool->stop();
  gateway.pool->stop();
  CHECK_FALSE(a->receive());
  CHECK(a->closeNotify());
  CHECK(gateway.downReason(2) == TunnelDownReason::kStopped);
  CHECK(gateway.downReason(3) == TunnelDownReason::kDropped);
  CHECK(::if_nametoindex(device.c_str()) == 0);
  const TlsPair pair = connectTls();
  VpnClient late(pair);
  gateway.pool->adopt(Gateway::promotion(4, Gateway::spec(4), pair));
  CHECK(gateway.downReason(4) == TunnelDownReason::kStopped);
  for (const uint32_t tunnel : {2, 3, 4}) CHECK(gateway.events.count(EventType::kTunnelDown, tunnel) == 1);
}
