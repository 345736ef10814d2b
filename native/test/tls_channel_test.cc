// Reading the TLS channel of a tunnel.
#include <doctest/doctest.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "packets.h"
#include "record_peers.h"
#include "tunnel.h"

using namespace postern;
using namespace postern::test;

namespace {

struct Ends {
  static constexpr size_t kOverhead = 5 + 1 + 16;  // of a TLS 1.3 record
  explicit Ends(TlsOutput& output, const TlsPair& tls = connectTls()) : pair(tls), tunnel(1, TunnelSpec{}, pair.serverFd, pair.server, output, 0) {}
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
  for (const bool own : {false, true}) {
    StatBlock stats;
    TlsOutput output(stats);
    Ends first(output, connectTls(TLS1_3_VERSION, 0, nullptr, own)), second(output, connectTls(TLS1_3_VERSION, 0, nullptr, own));
    for (Ends* ends : {&first, &second}) REQUIRE(ends->tunnel.channel.write({}));
    CHECK((first.tunnel.channel.records() != nullptr) == own);
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

namespace {

// A client whose bytes the test carries itself; the gateway's end is a channel.
struct Carried : Ends {
  Carried(TlsOutput& output, const Suite& suite, bool watched = true)
      : Ends(output, connectTls(suite.version, 0, suite.name, watched)) {
    SSL_set0_wbio(pair.client, BIO_new(BIO_s_mem()));
  }
  Bytes sealed(const Bytes& plain) { return RecordPeers::sealed(pair.client, plain); }
  void carry(ByteView bytes) {
    const size_t before = waiting();
    REQUIRE(::send(pair.clientFd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    while (waiting() < before + bytes.size()) std::this_thread::yield();
  }
  // All there is, up to the end of this burst; what it ended with.
  TlsChannel::Read drain(Bytes& got) {
    TlsChannel& channel = tunnel.channel;
    channel.expectMore();
    TlsChannel::Read read;
    do {
      size_t length = 0;
      read = channel.read(into, length);
      if (read == TlsChannel::Read::kData) got.insert(got.end(), into.begin(), into.begin() + static_cast<ptrdiff_t>(length));
    } while (read == TlsChannel::Read::kData || read == TlsChannel::Read::kNothing);
    channel.park();
    return read;
  }
  // What the client reads next, `length` bytes of it.
  Bytes received(size_t length) {
    Bytes got(length);
    for (size_t at = 0; at < length;) {
      const int n = SSL_read(pair.client, got.data() + at, static_cast<int>(length - at));
      if (n <= 0) return {};
      at += static_cast<size_t>(n);
    }
    return got;
  }
};

}  // namespace

TEST_CASE("any split of the byte stream gives the same data, across the take-over and across changes of keys") {
  for (const Suite& suite : kSuites) {
    for (uint32_t seed = 0; seed < 6; ++seed) {
      INFO(std::string(suite.name), ", seed ", seed);
      StatBlock stats;
      TlsOutput output(stats);
      Carried ends(output, suite);
      Bytes wire, expected, got;
      for (uint8_t i = 0; i < 30; ++i) {
        if (suite.version == TLS1_3_VERSION && i > 3 && i % 7 == seed) SSL_key_update(ends.pair.client, SSL_KEY_UPDATE_NOT_REQUESTED);
        const Bytes plain = payload(i == 9 ? 16384 : size_t{i} * 50 + 1, i);
        const Bytes record = ends.sealed(plain);
        wire.insert(wire.end(), record.begin(), record.end());
        expected.insert(expected.end(), plain.begin(), plain.end());
      }
      uint32_t random = seed;
      bool written = false;
      for (size_t at = 0; at < wire.size();) {
        random = random * 1664525 + 1013904223;
        const size_t most = at < 300 ? 7 : seed == 0 ? 100000 : seed * 900;
        const size_t n = std::min(wire.size() - at, 1 + (random >> 8) % most);
        ends.carry(ByteView(wire).subspan(at, n));
        at += n;
        REQUIRE(ends.drain(got) == TlsChannel::Read::kWait);
        if (!written && at > seed * 20) {  // the take-over waits for this, and for the end of a record
          written = true;
          REQUIRE(ends.tunnel.channel.write(payload(100)));
        }
      }
      CHECK(got == expected);
      REQUIRE(ends.tunnel.channel.records() != nullptr);
      REQUIRE(ends.tunnel.channel.write(payload(40000)));
      REQUIRE(ends.tunnel.channel.flush());
      CHECK(ends.received(100) == payload(100));
      CHECK(ends.received(40000) == payload(40000));
    }
  }
}

TEST_CASE("KeyUpdates that ask: each is answered once, data goes on both ways") {
  StatBlock stats;
  TlsOutput output(stats);
  Carried ends(output, kSuites[1]);
  REQUIRE(ends.tunnel.channel.write(payload(10)));
  REQUIRE(ends.tunnel.channel.flush());
  REQUIRE(ends.received(10) == payload(10));
  REQUIRE(ends.tunnel.channel.records() != nullptr);
  for (int i = 0; i < 300; ++i) {
    REQUIRE(SSL_key_update(ends.pair.client, SSL_KEY_UPDATE_REQUESTED) == 1);
    Bytes got;
    ends.carry(ends.sealed(payload(20)));
    REQUIRE(ends.drain(got) == TlsChannel::Read::kWait);
    REQUIRE(got == payload(20));
    REQUIRE(ends.tunnel.channel.write(payload(30)));
    REQUIRE(ends.tunnel.channel.flush());
    REQUIRE(ends.received(30) == payload(30));
  }
}

TEST_CASE("our own keys are changed when they are worn, and the client follows") {
  StatBlock stats;
  TlsOutput output(stats);
  Carried ends(output, kSuites[0]);
  REQUIRE(ends.tunnel.channel.write({}));
  ends.tunnel.channel.records()->setKeyRecords(7);
  for (int i = 0; i < 100; ++i) {
    REQUIRE(ends.tunnel.channel.write(payload(1000)));
    REQUIRE(ends.tunnel.channel.flush());
    REQUIRE(ends.received(1000) == payload(1000));
  }
}

TEST_CASE("a broken record ends the channel with an alert, close_notify ends it without") {
  for (const Suite& suite : kSuites) {
    for (const int way : {0, 1, 2, 3}) {
      StatBlock stats;
      TlsOutput output(stats);
      Carried ends(output, suite);
      REQUIRE(ends.tunnel.channel.write(payload(1)));
      REQUIRE(ends.tunnel.channel.flush());
      REQUIRE(ends.received(1) == payload(1));
      REQUIRE(ends.tunnel.channel.records() != nullptr);
      Bytes wire = ends.sealed(payload(50)), got;
      if (way == 0) wire.back() ^= 1;
      if (way == 1) wire[0] = 99;
      if (way == 2) wire[3] = 0x50;
      if (way == 3) {
        SSL_shutdown(ends.pair.client);
        const Bytes bye = drainBio(SSL_get_wbio(ends.pair.client));
        wire.insert(wire.end(), bye.begin(), bye.end());
      }
      ends.carry(wire);
      CHECK(ends.drain(got) == (way == 3 ? TlsChannel::Read::kEof : TlsChannel::Read::kError));
      CHECK(got == (way == 3 ? payload(50) : Bytes()));
      CHECK(ends.tunnel.channel.write(payload(1)) == (way == 3));
      ends.tunnel.channel.closeNotify();
      CHECK_FALSE(ends.tunnel.channel.write(payload(1)));
      REQUIRE(ends.tunnel.channel.flush());
      if (way == 3) CHECK(ends.received(1) == payload(1));
      uint8_t byte;
      const int n = SSL_read(ends.pair.client, &byte, 1);
      CHECK(SSL_get_error(ends.pair.client, n) == (way == 3 ? SSL_ERROR_ZERO_RETURN : SSL_ERROR_SSL));
      ERR_clear_error();
    }
  }
}

TEST_CASE("a connection that cannot be taken over goes on with its SSL") {
  for (const Suite& suite : {Suite{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256"}, kSuites[1]}) {
    StatBlock stats;
    TlsOutput output(stats);
    Carried ends(output, suite, false);
    for (int i = 0; i < 20; ++i) {
      Bytes got;
      ends.carry(ends.sealed(payload(500)));
      REQUIRE(ends.drain(got) == TlsChannel::Read::kWait);
      REQUIRE(got == payload(500));
      REQUIRE(ends.tunnel.channel.write(payload(600)));
      REQUIRE(ends.tunnel.channel.flush());
      REQUIRE(ends.received(600) == payload(600));
    }
    CHECK(ends.tunnel.channel.records() == nullptr);
  }
}

TEST_CASE("a record left in the SSL delays the take-over until it is read") {
  StatBlock stats;
  TlsOutput output(stats);
  TlsPair pair = connectTls();
  const Bytes first = payload(100, 1), second = payload(200, 2);
  REQUIRE(SSL_write(pair.client, first.data(), 100) == 100);
  uint8_t byte;
  while (SSL_peek(pair.server, &byte, 1) != 1) std::this_thread::yield();
  Ends ends(output, pair);
  REQUIRE(ends.tunnel.channel.write(payload(3)));
  CHECK(ends.tunnel.channel.records() == nullptr);
  size_t length = 0;
  REQUIRE(ends.tunnel.channel.read(ends.into, length) == TlsChannel::Read::kData);
  CHECK(Bytes(ends.into.begin(), ends.into.begin() + static_cast<ptrdiff_t>(length)) == first);
  CHECK(ends.tunnel.channel.records() != nullptr);
  ends.send(1, 9);
  ends.tunnel.channel.expectMore();
  CHECK(ends.next() == 9);
}
