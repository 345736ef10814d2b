// What one round reads of a client.
#include "uplink.h"

#include <doctest/doctest.h>
#include <sys/ioctl.h>

#include "tls_pair.h"

using namespace postern;
using namespace postern::test;

TEST_CASE("G27 a round handles few KeyUpdates of a client, and the next ones the rest and what follows") {
  constexpr int kUpdates = 100, kOneRound = 8;
  constexpr int kUpdateRecord = 5 + 5 + 1 + 16, kFrame = 8, kFrameRecord = 5 + kFrame + 1 + 16;
  StatBlock stats;
  TlsOutput output(stats);
  TunWriter tun(-1, Offloads{}, stats);
  Uplink uplink(tun, stats);
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
  Uplink uplink(tun, stats);
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
