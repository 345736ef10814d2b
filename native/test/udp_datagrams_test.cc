// What a worker makes of the datagrams it receives: whole, merged, foreign, forged, repeated.
#include "dtls_hellos.h"
#include "worker_half.h"

using namespace postern;
using namespace postern::test;

namespace {

// The beginning of a handshake: of the tunnel of 10.20.0.2, or of a session that nobody has.
Bytes hello(uint8_t id = 2) {
  HelloParts parts;
  parts.sessionId = Bytes(32, id);
  return clientHello(parts);
}

}  // namespace

TEST_CASE("merged datagrams are taken apart, also an odd tail, and so are several records of one datagram") {
  Pool pool(1);
  Half half(pool, 0);
  half.install(half.tunnel(2), 1000);
  DtlsEnd client;
  std::vector<Bytes> packets;
  Bytes merged;
  for (const size_t length : {500, 500, 500, 77}) {
    packets.push_back(packetFrom(2, length));
    merged += client.frame(cstp::kData, packets.back());
  }
  const size_t segment = packets[0].size() + 38;
  half.arrive(1000, merged, segment);
  half.arrive(1000, client.frame(cstp::kData, packets[0]));
  Bytes two = client.frame(cstp::kData, packets[3]);
  two += client.frame(cstp::kData, packets[1]);
  half.arrive(1000, two);
  half.round();
  for (const Bytes& expected : {packets[0], packets[1], packets[2], packets[3], packets[0], packets[3], packets[1]}) CHECK(half.packet() == expected);
  CHECK_FALSE(half.packet());
  CHECK(half.stats.get(Stat::udpReads) == 3);
  CHECK(half.stats.get(Stat::udpRxDatagrams) == 6);
  CHECK(half.stats.get(Stat::dtlsRxRecords) == 7);
  const TunnelCounterWords words = half.tunnels[0]->counters.read(1000);
  CHECK(words[0] == 7);
  CHECK(words[TunnelCounters::kWords] == 0);
}

TEST_CASE("the first record that authenticates confirms the channel; nothing leaves before it") {
  Pool pool(1);
  Half half(pool, 0);
  Tunnel& tunnel = half.tunnel(2);
  half.install(tunnel, 1000);
  DtlsEnd client, wrong(DtlsCipher::kAes128Gcm, 9);
  half.arrive(1000, wrong.frame(cstp::kDpdReq, {}));
  half.round();
  CHECK_FALSE(tunnel.dtls);
  CHECK(half.kernel.sent.empty());
  CHECK(half.stats.get(Stat::dtlsForged) == 1);
  half.arrive(1000, client.frame(cstp::kDpdReq, payload(1300)));
  half.round();
  REQUIRE(tunnel.dtls);
  CHECK_FALSE(tunnel.nextDtls);
  CHECK(half.count(EventType::kDtlsUp) == 1);
  CHECK(half.stats.get(Stat::dtlsOpen) == 1);
  // The answer has the request's length; a probe of the path does not move data.
  REQUIRE(half.kernel.sent.size() == 1);
  Bytes answer{cstp::kDpdResp};
  answer += payload(1300);
  CHECK(client.open(half.kernel.sent[0].bytes) == answer);
  CHECK_FALSE(tunnel.overDtls);
  half.arrive(1000, client.frame(cstp::kDpdReq, {}));
  half.round();
  CHECK(tunnel.overDtls);
  CHECK(half.stats.get(Stat::dpdReceived) == 2);
}

TEST_CASE("replayed, forged, cut, empty and foreign records are counted, and the session lives") {
  Pool pool(1);
  Half half(pool, 0);
  Tunnel& tunnel = half.tunnel(2);
  half.install(tunnel, 1000);
  DtlsEnd client;
  const Bytes good = client.frame(cstp::kData, packetFrom(2, 100));
  half.arrive(1000, good);
  half.arrive(1000, good);
  Bytes epoch2 = client.frame(cstp::kData, packetFrom(2, 100));
  epoch2[4] = 2;
  half.arrive(1000, epoch2);
  Bytes oversize = good;
  oversize.resize(20000);
  oversize[11] = static_cast<uint8_t>((oversize.size() - 13) >> 8);
  oversize[12] = static_cast<uint8_t>(oversize.size() - 13);
  half.arrive(1000, oversize);
  half.arrive(1000, Bytes(good.begin(), good.end() - 1));
  half.arrive(1000, Bytes{23, 0xfe, 0xfd, 0, 1});
  half.arrive(1000, {});
  half.arrive(1000, Bytes{23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 0});
  half.arrive(1000, client.record(DtlsContent::kData, {}));
  half.arrive(1000, client.frame(0x42, payload(3)));
  half.arrive(1000, client.frame(cstp::kData, {}));
  half.arrive(1000, client.frame(cstp::kData, packetFrom(3, 100)));
  half.arrive(1000, client.frame(cstp::kData, payload(9)));
  half.round();
  CHECK(half.packet() == packetFrom(2, 100));
  CHECK_FALSE(half.packet());
  CHECK(half.stats.get(Stat::dtlsReplayed) == 1);
  CHECK(half.stats.get(Stat::dtlsInvalid) == 6);  // epoch 2, too long, cut, header alone, no body, no plaintext
  CHECK(half.stats.get(Stat::unknownFrames) == 1);
  CHECK(half.stats.get(Stat::rxSpoofed) == 1);
  CHECK(half.stats.get(Stat::rxInvalid) == 1);
  CHECK(half.stats.get(Stat::dtlsOpen) == 1);

  for (int i = 0; i < 1000; ++i) {
    Bytes forged = client.frame(cstp::kData, packetFrom(2, 100));
    forged.back() ^= 1;
    half.arrive(1000, std::move(forged));
  }
  half.arrive(1000, client.frame(cstp::kData, packetFrom(2, 50)));
  while (!half.kernel.arriving.empty()) half.round();
  CHECK(half.stats.get(Stat::dtlsForged) == 1000);
  CHECK(half.packet() == packetFrom(2, 50));
  CHECK(tunnel.dtls);
}

TEST_CASE("close_notify ends the channel; other warnings do not") {
  Pool pool(1);
  Half half(pool, 0);
  Tunnel& tunnel = half.tunnel(2);
  half.install(tunnel, 1000);
  DtlsEnd client;
  half.arrive(1000, client.frame(cstp::kKeepalive, {}));
  half.arrive(1000, client.record(DtlsContent::kAlert, Bytes{1, 100}));
  half.round();
  CHECK(tunnel.overDtls);
  half.arrive(1000, client.record(DtlsContent::kAlert, Bytes{1, 0}));
  half.arrive(1000, client.frame(cstp::kDpdReq, {}));
  half.round();
  CHECK_FALSE(tunnel.dtls);
  CHECK_FALSE(tunnel.overDtls);
  REQUIRE(half.count(EventType::kDtlsDown) == 1);
  CHECK(half.events.events.back().arg == static_cast<uint32_t>(DtlsDownReason::kClosed));
  CHECK(half.kernel.sent.empty());
  CHECK(half.stats.get(Stat::dtlsOpen) == 0);
  half.arrive(1000, client.frame(cstp::kDpdReq, {}));
  half.round();
  CHECK(half.stats.get(Stat::udpUnknown) == 1);
}

TEST_CASE("a newer association takes over with its first record; until then the older one goes on") {
  Pool pool(1);
  Half half(pool, 0);
  Tunnel& tunnel = half.tunnel(2);
  half.install(tunnel, 1000);
  DtlsEnd old;
  half.arrive(1000, old.frame(cstp::kData, packetFrom(2, 10)));
  half.round();
  half.install(tunnel, 2000, 7);
  half.arrive(1000, old.frame(cstp::kData, packetFrom(2, 20)));
  half.round();
  CHECK(half.packet() == packetFrom(2, 10));
  CHECK(half.packet() == packetFrom(2, 20));
  CHECK(tunnel.dtls->peer.port == 1000);
  DtlsEnd next(DtlsCipher::kAes128Gcm, 7);
  half.arrive(2000, next.frame(cstp::kData, packetFrom(2, 30)));
  half.arrive(1000, old.frame(cstp::kData, packetFrom(2, 40)));
  half.round();
  CHECK(half.packet() == packetFrom(2, 30));
  CHECK(half.packet() == packetFrom(2, 40));  // it was under way
  CHECK(tunnel.dtls->peer.port == 2000);
  CHECK(tunnel.overDtls);
  CHECK(half.count(EventType::kDtlsUp) == 2);
  REQUIRE(half.count(EventType::kDtlsDown) == 1);
  CHECK(half.events.events[1].arg == static_cast<uint32_t>(DtlsDownReason::kReplaced));
  CHECK(half.stats.get(Stat::dtlsOpen) == 1);
  CHECK(half.stats.get(Stat::udpMoved) == 1);
  half.associations.expire(tunnel, DtlsChannel::kReplacedSec);
  CHECK(half.associations.find(udpPeer(1000)) != nullptr);
  half.associations.expire(tunnel, 1 + DtlsChannel::kReplacedSec);
  CHECK(half.associations.find(udpPeer(1000)) == nullptr);
  // From the same address, and one that never speaks.
  half.install(tunnel, 2000, 8);
  CHECK_FALSE(tunnel.dtls);
  half.install(tunnel, 3000, 9);
  CHECK(tunnel.nextDtls->peer.port == 3000);
  half.round();
  CHECK(half.associations.find(udpPeer(2000)) == nullptr);
  half.associations.expire(tunnel, 60);
  CHECK(tunnel.nextDtls);
  half.associations.expire(tunnel, 61);
  CHECK_FALSE(tunnel.nextDtls);
  CHECK(half.associations.find(udpPeer(3000)) == nullptr);
  half.install(tunnel, 3000, 9);
  // An address that another tunnel had.
  Tunnel& other = half.tunnel(3);
  half.install(other, 3000);
  CHECK_FALSE(tunnel.nextDtls);
}

TEST_CASE("a handshake of an offer that has changed is refused, a withdrawn offer ends the channel") {
  Pool pool(1);
  Half half(pool, 0);
  Tunnel& tunnel = half.tunnel(2);
  half.install(tunnel, 1000);
  DtlsEnd client;
  half.arrive(1000, client.frame(cstp::kKeepalive, {}));
  half.round();
  const auto before = tunnel.spec.dtls;
  auto after = std::make_shared<DtlsOffer>(*before);
  after->id = Bytes(32, 77);
  tunnel.spec.dtls = after;
  half.associations.offer(tunnel, before.get());
  CHECK(tunnel.dtls);
  bool verify = false;
  CHECK(pool.shared.table.tunnelOf(before->id, verify) == 0);
  CHECK(pool.shared.table.tunnelOf(after->id, verify) == 2);
  DtlsReady late = dtlsReady(2, 2000, before);
  CHECK_FALSE(half.associations.install(late, tunnel, 1000));
  tunnel.spec.dtls = nullptr;
  half.associations.offer(tunnel, after.get());
  CHECK_FALSE(tunnel.dtls);
  CHECK(half.events.events.back().arg == static_cast<uint32_t>(DtlsDownReason::kWithdrawn));
  CHECK(pool.shared.table.size() == 0);
  half.round();
}

TEST_CASE("strangers get a few of a busy round, wait within a bound, and garbage does not wait at all") {
  Pool pool(1);
  Half half(pool, 0);
  half.install(half.tunnel(2), 1000);
  DtlsEnd client;
  const auto served = [&] { return half.stats.get(Stat::dtlsHellosVerified); };
  const auto unknown = [&] { return half.stats.get(Stat::udpUnknown); };
  for (int i = 0; i < 20; ++i) half.arrive(5000, hello());
  half.arrive(1000, client.frame(cstp::kKeepalive, {}));
  half.round();
  CHECK(served() == Strangers::kBusyRound);
  CHECK(half.kernel.sent.size() == Strangers::kBusyRound);
  CHECK(half.datagrams->strangersWait());
  half.round();  // nothing else to do
  CHECK(served() == 20);
  CHECK_FALSE(half.datagrams->strangersWait());
  CHECK(half.kernel.sent.back().port == 5000);

  // A flood of those who know a session's id: they fill what may wait, and packets go on.
  uint64_t before = served();
  for (int i = 0; i < 3000; ++i) {
    half.arrive(static_cast<uint16_t>(10000 + i), hello());
    if (i % 63 == 0) half.arrive(1000, client.frame(cstp::kData, packetFrom(2, 60)));
  }
  size_t rounds = 0, packets = 0;
  for (; !half.kernel.arriving.empty(); ++rounds) half.round();
  while (half.packet()) ++packets;
  CHECK(packets == 48);
  CHECK(rounds == 48);
  CHECK(served() - before == rounds * Strangers::kBusyRound);
  CHECK(unknown() == 3000 - (rounds - 1) * Strangers::kBusyRound - Strangers::kWaiting);

  // Of those who know none, nothing waits and nothing is answered.
  while (half.datagrams->strangersWait()) half.round();
  before = unknown();
  const size_t sent = half.kernel.sent.size();
  for (int i = 0; i < 1000; ++i) half.arrive(static_cast<uint16_t>(10000 + i), hello(99));
  half.arrive(6000, payload(500));
  half.arrive(6000, DtlsEnd(DtlsCipher::kAes128Gcm, 9).frame(cstp::kData, packetFrom(2, 10)));  // of no association
  half.arrive(6000, {});
  half.arrive(6000, payload(64 * 1000), 1000);
  while (!half.kernel.arriving.empty()) {
    half.datagrams->read(1, 1000);
    CHECK_FALSE(half.datagrams->strangersWait());
    half.datagrams->release();
  }
  CHECK(unknown() - before == 1000 + 3 + 64);
  CHECK(half.kernel.sent.size() == sent);
}

TEST_CASE("what arrives at another worker is handed to the one that has the association") {
  Pool pool(2);
  Half first(pool, 0), second(pool, 1);
  first.install(first.tunnel(2), 1000);
  DtlsEnd client;
  Bytes merged = client.frame(cstp::kData, packetFrom(2, 500));
  const size_t segment = merged.size();
  merged += client.frame(cstp::kData, packetFrom(2, 500, 1));
  merged += client.frame(cstp::kData, packetFrom(2, 9));
  second.arrive(1000, merged, segment);
  second.round();
  CHECK(second.stats.get(Stat::udpHandedOver) == 1);
  CHECK(second.stats.get(Stat::udpUnknown) == 0);
  first.round();
  CHECK(first.packet() == packetFrom(2, 500));
  CHECK(first.packet() == packetFrom(2, 500, 1));
  CHECK(first.packet() == packetFrom(2, 9));
  // The inbox is bounded.
  for (size_t i = 0; i < Datagrams::kHandOver + 10; ++i) {
    second.arrive(1000, client.frame(cstp::kKeepalive, {}));
    second.round();
  }
  CHECK(second.stats.get(Stat::udpHandOverDropped) == 10);
  first.associations.leave(*first.tunnels[0]);
  second.arrive(1000, client.frame(cstp::kKeepalive, {}));
  second.round();
  CHECK(second.stats.get(Stat::udpUnknown) == 1);
  first.round();
  CHECK(first.stats.get(Stat::udpUnknown) == Datagrams::kHandOver);
  CHECK(pool.shared.peers.size() == 0);
}

TEST_CASE("handshakes under way are few, and are forgotten") {
  PeerDirectory peers;
  for (size_t i = 0; i < PeerDirectory::kPending; ++i) CHECK(peers.begin(udpPeer(static_cast<uint16_t>(i)), 5000, 1000));
  CHECK_FALSE(peers.begin(udpPeer(9999), 5000, 1000));
  CHECK(peers.pending(udpPeer(7), 4999));
  CHECK_FALSE(peers.pending(udpPeer(7), 5000));
  peers.finish(udpPeer(8));
  CHECK_FALSE(peers.pending(udpPeer(8), 1000));
  CHECK(peers.begin(udpPeer(9999), 9000, 5000));
  CHECK(peers.size() == 1);
  // A peer that begins again is kept as long as its newest handshake.
  CHECK(peers.begin(udpPeer(1), 6000, 5000));
  CHECK(peers.begin(udpPeer(1), 8000, 5000));
  CHECK(peers.begin(udpPeer(2), 8500, 7000));
  CHECK(peers.pending(udpPeer(1), 7000));
}
