// What slow, silent and hostile clients may cost, and who notices.
// sanitizer: thread
#include "frame_queue.h"
#include "gateway.h"
#include "tunnel.h"

using namespace postern;
using namespace postern::test;

namespace {

uint64_t words(const Gateway& gateway, uint32_t tunnel, size_t word) { return gateway.counters(tunnel)[word]; }
constexpr size_t kTxPackets = 2, kTxDropped = 6;

}  // namespace

TEST_CASE("a client that never reads costs a bound, loses the oldest packets, and holds up nobody") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto slow = gateway.connect(2, Gateway::spec(2), connectTls(TLS1_3_VERSION, 4096));
  auto quick = gateway.connect(3);
  HostUdp host;
  constexpr size_t kPackets = 20000, kSize = 1200;
  const auto number = [](const Bytes& packet) { return get32(packet, 28); };
  for (uint32_t i = 1; i <= kPackets; ++i) {
    Bytes data(kSize);
    put32(data, 0, i);
    host.sendTo(2, 40000, data);
    // The device's ring is the only other queue: let the worker keep up with it.
    if (i % 100 == 0) gateway.waitStat(Stat::tunRxPackets, i, 200);
  }
  const uint64_t held = words(gateway, 2, kTxPackets);
  const uint64_t dropped = words(gateway, 2, kTxDropped);
  CHECK(dropped > kPackets / 2);
  CHECK(gateway.stat(Stat::txDropped) == dropped);
  // Encrypted for the socket: TCP_NOTSENT_LOWAT, the kernel's buffers on both sides, one burst.
  CHECK(held * kSize < 1024 * 1024);

  host.sendTo(3, 40000, payload(100));
  CHECK(quick->receive(cstp::kData));

  // Reading again: whole frames in order, the gap in the middle, the newest at the end.
  uint32_t last = 0, count = 0;
  while (last != kPackets) {
    const auto frame = slow->receive(cstp::kData);
    REQUIRE(frame);
    REQUIRE(number(frame->payload) > last);
    REQUIRE(fault(frame->payload, 20, 17) == "");
    last = number(frame->payload);
    ++count;
  }
  CHECK(count == gateway.stat(Stat::tunRxPackets) - 1 - words(gateway, 2, kTxDropped));
  CHECK(count * kSize < 1024 * 1024 + FrameQueue::kLimit);
}

TEST_CASE("KeyUpdates without end hold up nobody, and what follows them is read") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto hostile = gateway.connect(2), quick = gateway.connect(3);
  for (int i = 0; i < 3000; ++i) {
    REQUIRE(SSL_key_update(hostile->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(hostile->ssl()) == 1);
  }
  REQUIRE(hostile->send(cstp::kDpdReq, payload(5)));
  REQUIRE(quick->send(cstp::kDpdReq, payload(5)));
  CHECK(quick->receive(cstp::kDpdResp));
  CHECK(hostile->receive(cstp::kDpdResp));
}

TEST_CASE("a control frame overtakes waiting packets") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2, Gateway::spec(2), connectTls(TLS1_3_VERSION, 4096));
  HostUdp host;
  for (int i = 0; words(gateway, 2, kTxDropped) == 0; ++i) host.sendTo(2, 40000, payload(1200));
  REQUIRE(client->send(cstp::kDpdReq, {}));
  REQUIRE(gateway.waitStat(Stat::dpdReceived, 1) == 1);
  const uint64_t encrypted = words(gateway, 2, kTxPackets);
  for (uint64_t data = 0;; ++data) {
    const auto frame = client->receive();
    REQUIRE(frame);
    if (frame->type == cstp::kDpdResp) break;
    REQUIRE(data <= encrypted);
  }
  // At least most of the queue comes behind it, but for what has grown too old.
  const auto late = [&] { return gateway.stat(Stat::codelDropped); };
  for (size_t i = 0; i + late() < FrameQueue::kLimit / 1300; ++i) REQUIRE(client->receive(cstp::kData));
}

TEST_CASE("answers to a client that asks and never reads are bounded, and it is not read any more") {
  NEEDS_NETWORK();
  Gateway gateway;
  const TlsPair pair = connectTls(TLS1_3_VERSION, 4096);
  auto client = gateway.connect(2, Gateway::spec(2), pair);
  const timeval brief{0, 300'000};
  ::setsockopt(pair.clientFd, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof brief);
  const Bytes probe(1000);  // many in one recv: the last one read is hardly ever the last one there
  size_t sent = 0;
  while (sent < 64'000 && client->send(cstp::kDpdReq, probe)) ++sent;
  CHECK(sent < 64'000);  // its own send buffer is full: nobody reads
  const uint64_t answered = gateway.stat(Stat::cstpTxFrames);
  CHECK(answered * probe.size() < 2 * 1024 * 1024);
  // Where its bytes were received, others receive.
  auto other = gateway.connect(3);
  for (int burst = 0; burst < 4; ++burst) {
    for (int i = 0; i < 8; ++i) REQUIRE(other->send(cstp::kDpdReq, Bytes(cstp::kMaxPayload)));
    for (int i = 0; i < 8; ++i) REQUIRE(other->receive(cstp::kDpdResp));
  }
  // It reads again, and everything goes on, also what had been received and not yet read.
  for (size_t i = 0; i < sent; ++i) REQUIRE(client->receive(cstp::kDpdResp));
}

TEST_CASE("a client that says goodbye to nobody: drop ends within its linger") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2, Gateway::spec(2), connectTls(TLS1_3_VERSION, 4096));
  HostUdp host;
  while (words(gateway, 2, kTxDropped) == 0) host.sendTo(2, 40000, payload(1200));
  gateway.pool->drop(2, DropHow::kDisconnect, "now", TunnelDownReason::kDropped);
  CHECK(gateway.downReason(2) == TunnelDownReason::kDropped);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  // The socket is closed, not only half: what the client sends is answered with a reset.
  bool reset = false;
  for (int i = 0; i < 100 && !reset; ++i) {
    reset = ::send(client->fd(), "x", 1, MSG_NOSIGNAL) < 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(reset);
}

TEST_CASE("a silent client is probed, then given up without DISCONNECT; any frame keeps it") {
  NEEDS_NETWORK();
  Gateway gateway;
  TunnelSpec spec = Gateway::spec(2);
  spec.dpdSec = 1;
  spec.dpdRetries = 2;
  auto silent = gateway.connect(2, spec);
  spec = Gateway::spec(3);
  spec.dpdSec = 1;
  spec.dpdRetries = 2;
  auto polite = gateway.connect(3, spec);
  std::atomic<bool> stop{false};
  std::thread answers([&] {
    while (!stop) {
      if (polite->readable(50) && polite->receive(cstp::kDpdReq)) polite->send(cstp::kDpdResp, {});
    }
  });
  CHECK(gateway.downReason(2, 10'000) == TunnelDownReason::kDpd);
  for (int i = 0; i < 2; ++i) {
    const auto probe = silent->receive();
    REQUIRE(probe);
    CHECK(probe->type == cstp::kDpdReq);
  }
  CHECK_FALSE(silent->receive());
  CHECK(silent->closeNotify());
  CHECK(gateway.stat(Stat::dpdTimeouts) == 1);
  CHECK_FALSE(gateway.downReason(3, 1500));
  stop = true;
  answers.join();
}

TEST_CASE("D06 a keepalive goes out when nothing else did, and an update switches it on") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2);
  TunnelSpec spec = Gateway::spec(2);
  spec.keepaliveSec = 1;
  gateway.pool->update(2, spec);
  for (int i = 0; i < 2; ++i) {
    const auto frame = client->receive();
    REQUIRE(frame);
    CHECK(frame->type == cstp::kKeepalive);
    CHECK(frame->payload.empty());
  }
  CHECK(gateway.stat(Stat::keepalivesSent) >= 2);
}

TEST_CASE("a storm of logins, drops and stop: every adopt ends once") {
  NEEDS_NETWORK();
  Gateway gateway(2);
  constexpr uint32_t kTunnels = 60;
  std::vector<TlsPair> pairs;
  for (uint32_t i = 1; i <= kTunnels; ++i) pairs.push_back(connectTls());
  std::thread adopts([&] {
    for (uint32_t i = 1; i <= kTunnels; ++i) {
      gateway.pool->adopt(Gateway::promotion(i, Gateway::spec(static_cast<uint8_t>(1 + i)), pairs[i - 1]));
    }
  });
  std::thread drops([&] {
    TunnelCounterWords ignored;
    for (uint32_t i = 1; i <= kTunnels; i += 2) {
      gateway.pool->drop(i, DropHow::kClose, "", TunnelDownReason::kDropped);
      gateway.pool->counters(i, ignored);
      gateway.pool->update(i + 1, Gateway::spec(static_cast<uint8_t>(2 + i)));
    }
  });
  drops.join();
  gateway.waitStat(Stat::promoted, 10);
  gateway.pool->stop();
  adopts.join();
  for (uint32_t i = 1; i <= kTunnels; ++i) {
    REQUIRE(gateway.events.count(EventType::kTunnelDown, i) == 1);
    REQUIRE(gateway.events.count(EventType::kTunnelUp, i) <= 1);
  }
  CHECK(gateway.stat(Stat::tunnelsOpen) == 0);
  for (const TlsPair& pair : pairs) VpnClient{pair};
}

TEST_CASE("two workers: each tunnel gets its packets, whichever queue they come from") {
  NEEDS_NETWORK();
  Gateway gateway(2);
  TunnelSpec crossed = Gateway::spec(4);
  crossed.ipv6 = Gateway::spec(5).ipv6;  // IPv6 is steered to the other worker
  auto a = gateway.connect(2), b = gateway.connect(3), c = gateway.connect(4, crossed);
  HostUdp host, host6(true);
  for (int i = 0; i < 20; ++i) {
    host.sendTo(2, 40000, payload(100));
    host.sendTo(3, 40000, payload(100));
    host6.sendTo(5, 40000, payload(100));
    REQUIRE(a->receive(cstp::kData));
    REQUIRE(b->receive(cstp::kData));
    REQUIRE(c->receive(cstp::kData));
  }
  CHECK(gateway.waitStat(Stat::handedOver, 20) == 20);  // counted behind the handing over
  CHECK(gateway.stat(Stat::handOverDropped) == 0);
}
