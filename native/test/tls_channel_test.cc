// Reading the TLS channel of a tunnel.
#include <doctest/doctest.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "tls_pair.h"
#include "tunnel.h"

using namespace postern;
using namespace postern::test;

namespace {

struct Ends {
  static constexpr size_t kOverhead = 5 + 1 + 16;  // of a TLS 1.3 record
  explicit Ends(TlsOutput& output) : pair(connectTls()), tunnel(1, TunnelSpec{}, pair.serverFd, pair.server, output, 0) {}
  ~Ends() {
    SSL_free(pair.client);
    ::close(pair.clientFd);
  }
  void send(size_t count, uint8_t value, size_t size = 1000) {
    const Bytes plain(size, value);
    const size_t before = waiting();
    for (size_t i = 0; i < count; ++i) REQUIRE(SSL_write(pair.client, plain.data(), static_cast<int>(size)) > 0);
    while (waiting() < before + count * (size + kOverhead)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  // Bytes that a recv would find.
  size_t waiting() const {
    int bytes = 0;
    REQUIRE(::ioctl(pair.serverFd, FIONREAD, &bytes) == 0);
    return static_cast<size_t>(bytes);
  }
  // The value that fills the next record; 0 when there is none.
  uint8_t next() {
    size_t length = 0;
    if (tunnel.channel.read(into, length) != TlsChannel::Read::kData) return 0;
    CHECK(std::count(into.begin(), into.begin() + static_cast<ptrdiff_t>(length), into[0]) == static_cast<ptrdiff_t>(length));
    return into[0];
  }
  TlsPair pair;
  Tunnel tunnel;
  Bytes into = Bytes(16384);
};

}  // namespace

TEST_CASE("what one channel has received outlives the receiving of another") {
  StatBlock stats;
  TlsOutput output(stats);
  Ends first(output), second(output);
  first.send(20, 1);
  CHECK(first.next() == 1);
  REQUIRE(first.tunnel.channel.staged());
  first.tunnel.channel.park();
  second.send(60, 2);
  for (int i = 0; i < 60; ++i) CHECK(second.next() == 2);
  CHECK_FALSE(second.tunnel.channel.staged());
  second.tunnel.channel.park();
  for (int i = 1; i < 20; ++i) CHECK(first.next() == 1);
  CHECK(first.next() == 0);
}

TEST_CASE("many records come by one recv, and a short one is the last of a burst") {
  StatBlock stats;
  TlsOutput output(stats);
  Ends ends(output);
  ends.send(40, 1);
  for (int i = 0; i < 40; ++i) CHECK(ends.next() == 1);
  CHECK(stats.get(Stat::tlsReads) == 1);
  ends.send(1, 2);
  CHECK(ends.next() == 0);
  ends.tunnel.channel.expectMore();
  CHECK(ends.next() == 2);
  CHECK(stats.get(Stat::tlsReads) == 2);
}
