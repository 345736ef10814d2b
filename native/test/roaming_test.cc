// A DTLS channel follows its client to another port: by a record that is newer than any before, and by nothing else.
#include "dtls_hellos.h"
#include "worker_half.h"

using namespace postern;
using namespace postern::test;

namespace {

// A client that speaks from port 1000.
struct Connected {
  explicit Connected(Half& half, uint8_t host = 2, uint16_t port = 1000, uint8_t seed = 0) : half(half), tunnel(half.tunnel(host)), client(DtlsCipher::kAes128Gcm, seed) {
    half.install(tunnel, port, seed);
    half.arrive(port, client.frame(cstp::kKeepalive, {}));
    half.round();
    REQUIRE(tunnel.dtls);
  }
  Half& half;
  Tunnel& tunnel;
  DtlsEnd client;
};

Bytes forgedFrom(DtlsEnd& client) {
  Bytes record = client.frame(cstp::kData, packetFrom(2, 10));
  record.back() ^= 1;
  return record;
}

}  // namespace

TEST_CASE("D08 a newer record from another port moves the channel; packets, answers and news follow, the old peer is forgotten") {
  Pool pool(1);
  Half half(pool, 0);
  Connected c(half);
  half.arrive(2000, c.client.frame(cstp::kData, packetFrom(2, 50)));
  half.arrive(2000, c.client.frame(cstp::kDpdReq, payload(5)));  // of the same batch
  half.round();
  CHECK(half.packet() == packetFrom(2, 50));
  CHECK(c.tunnel.dtls->peer.port == 2000);
  REQUIRE(half.kernel.sent.size() == 1);
  CHECK(half.kernel.sent[0].port == 2000);
  CHECK(half.associations.find(udpPeer(2000)) == c.tunnel.dtls.get());
  CHECK(half.associations.find(udpPeer(1000)) == nullptr);
  REQUIRE(half.count(EventType::kRoamed) == 1);
  CHECK(half.events.events.back().handle == 2);
  CHECK(half.events.events.back().arg == 2000);
  CHECK(half.events.events.back().payload == Bytes{'1', '9', '2', '.', '0', '.', '2', '.', '1'});
  CHECK(half.count(EventType::kDtlsDown) == 0);
  CHECK(half.stats.get(Stat::dtlsRoamed) == 1);
  CHECK(half.stats.get(Stat::dtlsRoamingRefused) == 0);
  CHECK(pool.shared.sources.size() == 1);
  half.associations.leave(c.tunnel);
  CHECK(pool.shared.sources.size() == 0);
  CHECK(pool.shared.peers.size() == 0);
}

TEST_CASE("D08 a repeat, an old record, a forged one and one of another epoch from elsewhere move nothing") {
  Pool pool(1);
  Half half(pool, 0);
  Connected c(half);
  const Bytes late = c.client.frame(cstp::kData, packetFrom(2, 20));  // overtaken: inside the window, never seen
  const Bytes seen = c.client.frame(cstp::kData, packetFrom(2, 30));
  half.arrive(1000, seen);
  half.round();
  Bytes epoch2 = c.client.frame(cstp::kData, packetFrom(2, 10)), epoch0 = epoch2;
  epoch2[4] = 2;
  epoch0[4] = 0;
  const Bytes others[] = {seen, late, forgedFrom(c.client), epoch2, epoch0, Bytes(seen.begin(), seen.end() - 1), DtlsEnd(DtlsCipher::kAes128Gcm, 9).frame(cstp::kData, {}),
                          c.client.record(DtlsContent::kAlert, Bytes{1, 0})};
  for (const Bytes& other : others) half.arrive(2000, other);
  half.round();
  CHECK(half.packet() == packetFrom(2, 30));
  CHECK_FALSE(half.packet());
  CHECK(c.tunnel.dtls->peer.port == 1000);
  CHECK(half.count(EventType::kRoamed) == 0);
  CHECK(half.stats.get(Stat::dtlsRoamingRefused) == 4);  // those that could have been data of the channel
  CHECK(half.stats.get(Stat::udpUnknown) == std::size(others));
  // None of them has been spent: what came late by its own way still passes.
  half.arrive(1000, late);
  half.round();
  CHECK(half.packet() == packetFrom(2, 20));
}

TEST_CASE("D08 of several channels behind one address the right one moves, and its record survives the trials; of too many none") {
  Pool pool(1);
  Half half(pool, 0);
  std::vector<std::unique_ptr<Connected>> clients;
  const auto join = [&] {
    const auto n = static_cast<uint8_t>(clients.size());
    clients.push_back(std::make_unique<Connected>(half, static_cast<uint8_t>(2 + n), static_cast<uint16_t>(1000 + n), n));
  };
  while (clients.size() < ChannelSources::kChannels) join();
  half.arrive(5000, clients[7]->client.frame(cstp::kData, packetFrom(9, 40)));
  half.round();
  CHECK(half.packet() == packetFrom(9, 40));
  CHECK(clients[7]->tunnel.dtls->peer.port == 5000);
  CHECK(half.stats.get(Stat::dtlsRoamed) == 1);
  join();
  half.arrive(6000, clients[3]->client.frame(cstp::kData, packetFrom(5, 40)));
  half.round(20'000);
  CHECK(half.stats.get(Stat::dtlsRoamed) == 1);
  CHECK(half.stats.get(Stat::dtlsForged) == 0);
}

TEST_CASE("D08 a channel moves once in three seconds, and back") {
  Pool pool(1);
  Half half(pool, 0);
  Connected c(half);
  const auto from = [&](uint16_t port, uint64_t nowMs) {
    half.arrive(port, c.client.frame(cstp::kKeepalive, {}));
    half.round(nowMs);
    return c.tunnel.dtls->peer.port;
  };
  CHECK(from(2000, 1000) == 2000);
  CHECK(from(3000, 3999) == 2000);
  CHECK(half.stats.get(Stat::dtlsRoamingRefused) == 1);
  CHECK(from(1000, 4000) == 1000);
  CHECK(half.stats.get(Stat::dtlsRoamed) == 2);
}

TEST_CASE("D08 deny-roaming: nothing is tried, and it is counted") {
  Pool pool(1);
  Half half(pool, 0);
  Connected c(half);
  c.tunnel.spec.roaming = false;
  half.arrive(2000, c.client.frame(cstp::kKeepalive, {}));
  half.round();
  CHECK(c.tunnel.dtls->peer.port == 1000);
  CHECK(half.stats.get(Stat::dtlsRoamingRefused) == 1);
}

TEST_CASE("D08 strangers are tried a few times a second and source") {
  Pool pool(1);
  Half half(pool, 0);
  Connected c(half);
  for (int i = 0; i < 50; ++i) half.arrive(static_cast<uint16_t>(3000 + i), forgedFrom(c.client));
  half.arrive(2000, c.client.frame(cstp::kKeepalive, {}));
  half.round();
  CHECK(half.stats.get(Stat::dtlsRoamingRefused) == ChannelSources::kTrials);
  CHECK(c.tunnel.dtls->peer.port == 1000);
  half.arrive(2000, c.client.frame(cstp::kKeepalive, {}));
  half.round(2000);
  CHECK(c.tunnel.dtls->peer.port == 2000);
}

TEST_CASE("D08 a worker tries to open no more than so many records of strangers in a second") {
  Pool pool(1);
  Half half(pool, 0);
  Connected c(half);
  Roaming roaming(0, &pool.shared, half.associations, half.stats);
  const Bytes forged = forgedFrom(c.client), good = c.client.frame(cstp::kKeepalive, {});
  for (uint32_t i = 0; i < Roaming::kOpens; ++i) CHECK(roaming.handed(udpPeer(2000), forged, 1000) == nullptr);
  CHECK(roaming.handed(udpPeer(2000), good, 1999) == nullptr);
  CHECK(roaming.handed(udpPeer(2000), good, 2000) == c.tunnel.dtls.get());
}

TEST_CASE("D08 a channel whose client has not spoken does not move") {
  Pool pool(1);
  Half half(pool, 0);
  Tunnel& tunnel = half.tunnel(2);
  half.install(tunnel, 1000);
  DtlsEnd client;
  half.arrive(2000, client.frame(cstp::kKeepalive, {}));
  half.round();
  REQUIRE(tunnel.nextDtls);
  CHECK(tunnel.nextDtls->peer.port == 1000);
  CHECK(half.stats.get(Stat::dtlsRoamed) == 0);
}

TEST_CASE("D08 what arrives at another worker moves the channel too, and that worker hands over from then on") {
  Pool pool(2);
  Half first(pool, 0), second(pool, 1);
  Connected c(first);
  second.arrive(2000, c.client.frame(cstp::kData, packetFrom(2, 60)));
  second.round();
  CHECK(second.stats.get(Stat::udpHandedOver) == 1);
  CHECK(second.stats.get(Stat::udpUnknown) == 0);
  CHECK(c.tunnel.dtls->peer.port == 1000);
  first.round();
  CHECK(first.packet() == packetFrom(2, 60));
  CHECK(c.tunnel.dtls->peer.port == 2000);
  CHECK(pool.shared.peers.owner(udpPeer(2000)) == std::optional<uint32_t>(0));
  CHECK_FALSE(pool.shared.peers.owner(udpPeer(1000)));
  second.arrive(2000, c.client.frame(cstp::kData, packetFrom(2, 70)));
  second.round();
  first.round();
  CHECK(first.packet() == packetFrom(2, 70));
  second.arrive(3000, forgedFrom(c.client));
  second.round();
  first.round();
  CHECK(first.stats.get(Stat::dtlsRoamingRefused) == 1);
  CHECK(first.stats.get(Stat::udpUnknown) == 1);
  first.associations.leave(c.tunnel);
  CHECK(pool.shared.peers.size() == 0);
  CHECK(pool.shared.sources.size() == 0);
}

TEST_CASE("D08 deny-roaming: a handshake is taken from the address of the tunnel's connection alone") {
  Pool pool(1);
  Half half(pool, 0);
  Tunnel& tunnel = half.tunnel(2);
  auto offer = std::make_shared<DtlsOffer>(*tunnel.spec.dtls);
  offer->helloVerify = false;
  tunnel.spec.dtls = offer;
  tunnel.spec.roaming = false;
  HelloParts parts;
  parts.sessionId = offer->id;
  const auto begins = [&](const UdpPeer& at, uint16_t port) {
    tunnel.address = at.address;
    half.associations.offer(tunnel, offer.get());
    half.arrive(port, clientHello(parts));
    half.round();
    return pool.shared.peers.pending(udpPeer(port), 1000);
  };
  UdpPeer elsewhere = udpPeer(0);
  elsewhere.address[15] = 77;
  CHECK_FALSE(begins(elsewhere, 2000));
  CHECK(half.stats.get(Stat::dtlsRoamingRefused) == 1);
  CHECK(begins(udpPeer(0), 3000));
  tunnel.spec.roaming = true;
  CHECK(begins(elsewhere, 4000));
  CHECK(half.stats.get(Stat::dtlsRoamingRefused) == 1);
}

TEST_CASE("D08 a handshake from another address than the tunnel's is told as a move, one from the same is not") {
  for (const bool same : {true, false}) {
    Pool pool(1);
    Half half(pool, 0);
    Tunnel& tunnel = half.tunnel(2);
    UdpPeer at = udpPeer(0);
    if (!same) at.address[15] = 77;
    tunnel.address = at.address;
    half.install(tunnel, 1000);
    DtlsEnd client;
    half.arrive(1000, client.frame(cstp::kKeepalive, {}));
    half.round();
    CHECK(half.count(EventType::kRoamed) == (same ? 0 : 1));
    CHECK(half.stats.get(Stat::dtlsRoamed) == 0);
  }
}
