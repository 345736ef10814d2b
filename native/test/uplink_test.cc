// What one round reads of a client, and of many.
#include "uplink.h"

#include <doctest/doctest.h>
#include <sys/ioctl.h>

#include "drr.h"
#include "tls_pair.h"

using namespace postern;
using namespace postern::test;

TEST_CASE("G27 a round handles few KeyUpdates of a client, and the next ones the rest and what follows") {
  constexpr int kUpdates = 100, kOneRound = 8;
  constexpr int kUpdateRecord = 5 + 5 + 1 + 16, kFrame = 8, kFrameRecord = 5 + kFrame + 1 + 16;
  StatBlock stats;
  TlsOutput output(stats);
  TunWriter tun(-1, Offloads{}, stats);
  const Router router;
  Askers askers;
  Uplink uplink(tun, router, askers, stats);
  const TlsPair pair = connectTls();
  Tunnel tunnel(1, TunnelSpec{}, pair.serverFd, pair.server, output, 0);
  for (int i = 0; i < kUpdates; ++i) {
    REQUIRE(SSL_key_update(pair.client, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(pair.client) == 1);
  }
  const uint8_t ask[kFrame] = {'S', 'T', 'F', 1, 0, 0, cstp::kDpdReq, 0};
  REQUIRE(SSL_write(pair.client, ask, sizeof ask) == kFrame);
  for (int waiting = 0; waiting < kUpdates * kUpdateRecord + kFrameRecord;) REQUIRE(::ioctl(pair.serverFd, FIONREAD, &waiting) == 0);

  int rounds = 1;
  while (uplink.read(tunnel, 0) == Uplink::Outcome::kMore) ++rounds;
  CHECK(rounds == kUpdates / kOneRound + 1);
  CHECK(stats.get(Stat::dpdReceived) == 1);
  SSL_free(pair.client);
  ::close(pair.clientFd);
}

TEST_CASE("tiny records are not for nothing: a round takes as many as large ones would cost") {
  constexpr size_t kRecords = 2000;
  StatBlock stats;
  TlsOutput output(stats);
  TunWriter tun(-1, Offloads{}, stats);
  const Router router;
  Askers askers;
  Uplink uplink(tun, router, askers, stats);
  const TlsPair pair = connectTls();
  Tunnel tunnel(1, TunnelSpec{}, pair.serverFd, pair.server, output, 0);
  const uint8_t ask[8] = {'S', 'T', 'F', 1, 0, 0, cstp::kKeepalive, 0};
  for (size_t i = 0; i < kRecords; ++i) REQUIRE(SSL_write(pair.client, ask + i % 8, 1) == 1);
  for (int waiting = 0; waiting < static_cast<int>(kRecords * (5 + 1 + 1 + 16));) REQUIRE(::ioctl(pair.serverFd, FIONREAD, &waiting) == 0);
  size_t taken = 0;
  while (uplink.read(tunnel, 0, 16 * 1024) == Uplink::Outcome::kMore) taken += uplink.taken();
  taken += uplink.taken();
  CHECK(stats.get(Stat::cstpRxFrames) == kRecords / 8);
  CHECK(taken == kRecords * (1 + 256));
  SSL_free(pair.client);
  ::close(pair.clientFd);
}

TEST_CASE("one client that floods: twenty that ask are all answered in the same round, and in every one") {
  constexpr size_t kSmall = 20, kFlood = 2'000'000, kPayload = 1400;
  StatBlock stats;
  TlsOutput output(stats);
  TunWriter tun(-1, Offloads{}, stats, [](int, const iovec*, int) -> ssize_t { return 1; });
  const Router router;
  Askers askers;
  Uplink uplink(tun, router, askers, stats);
  std::vector<TlsPair> pairs;
  std::vector<std::unique_ptr<Tunnel>> tunnels;
  for (uint32_t id = 0; id <= kSmall; ++id) {
    pairs.push_back(connectTls());
    tunnels.push_back(std::make_unique<Tunnel>(id, TunnelSpec{}, pairs[id].serverFd, pairs[id].server, output, 0));
  }
  // The flood never waits: it sends what the socket takes, again before each round.
  ::fcntl(pairs[0].clientFd, F_SETFL, O_NONBLOCK);
  Bytes frame(cstp::kHeader + kPayload);
  cstp::writeHeader(frame.data(), cstp::kKeepalive, kPayload);
  const uint8_t ask[cstp::kHeader] = {'S', 'T', 'F', 1, 0, 0, cstp::kDpdReq, 0};
  DeficitRoundRobin reads;
  size_t flooded = 0;
  int64_t taken = 0;
  for (uint64_t round = 1; round <= 20; ++round) {
    while (flooded < kFlood && SSL_write(pairs[0].client, frame.data(), static_cast<int>(frame.size())) > 0) flooded += frame.size();
    ERR_clear_error();
    for (size_t id = 1; id <= kSmall; ++id) {
      REQUIRE(SSL_write(pairs[id].client, ask, sizeof ask) == sizeof ask);
      for (int waiting = 0; waiting == 0;) REQUIRE(::ioctl(pairs[id].serverFd, FIONREAD, &waiting) == 0);
    }
    for (uint32_t id = 0; id <= kSmall; ++id) reads.want(id, tunnels[id]->reading);
    reads.round([&](uint32_t id) { return &tunnels[id]->reading; },
                [&](uint32_t id, int64_t credit) {
                  const bool more = uplink.read(*tunnels[id], 0, static_cast<size_t>(credit)) == Uplink::Outcome::kMore;
                  const auto bytes = static_cast<int64_t>(uplink.taken());
                  if (id == 0) taken += bytes;
                  return DeficitRoundRobin::Served{bytes, more};
                });
    uplink.flush();
    REQUIRE(stats.get(Stat::dpdReceived) == kSmall * round);
    // Its quanta, and the last recv with what its records cost besides.
    REQUIRE(taken <= static_cast<int64_t>(round) * DeficitRoundRobin::kQuantum + 2 * static_cast<int64_t>(TlsOutput::kReceive));
  }
  CHECK(taken > 10 * DeficitRoundRobin::kQuantum);
  for (const TlsPair& pair : pairs) {
    SSL_free(pair.client);
    ::close(pair.clientFd);
  }
}
