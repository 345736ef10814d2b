// sanitizer: thread
#include "dtls_greeter.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "dtls_hellos.h"

using namespace postern;
using namespace postern::test;

namespace {
constexpr uint64_t kNow = 1'000'000'000;
using Verdict = Greeting::Verdict;

Bytes cookieIn(const Bytes& helloVerifyRequest) { return {helloVerifyRequest.end() - kDtlsCookie, helloVerifyRequest.end()}; }

struct Gateway {
  DtlsTable table;
  DtlsCookies cookies;
  Gateway() { table.enter(pskCandidate(7, Bytes(32, 0x51))); }
  Greeting greet(const HelloParts& parts, const UdpPeer& peer = peerAt(7, 4431), uint64_t now = kNow) {
    return postern::greet(clientHello(parts), peer, now, table, cookies);
  }
  // The second ClientHello of a client that was asked for a cookie.
  HelloParts second(const UdpPeer& peer = peerAt(7, 4431), uint64_t now = kNow) {
    HelloParts parts;
    parts.cookie = cookieIn(greet(parts, peer, now).answer);
    parts.messageSequence = 1;
    parts.recordSequence = 1;
    return parts;
  }
};
}  // namespace

TEST_CASE("G11 no handshake before the cookie came back") {
  Gateway gateway;
  const Greeting first = gateway.greet({});
  CHECK(first.verdict == Verdict::kVerify);
  CHECK_FALSE(first.candidate);
  const Greeting second = gateway.greet(gateway.second());
  REQUIRE(second.verdict == Verdict::kHandshake);
  CHECK(second.candidate->tunnel == 7);
  CHECK(second.candidate->secret.bytes == Bytes(32, 0x42));
  CHECK(second.answer.empty());
}

TEST_CASE("G11 a cookie is good for its own address, port, session and random only") {
  Gateway gateway;
  gateway.table.enter(pskCandidate(8, Bytes(32, 0x52)));
  HelloParts parts = gateway.second();
  CHECK(gateway.greet(parts, peerAt(8, 4431)).verdict == Verdict::kRefused);
  CHECK(gateway.greet(parts, peerAt(7, 4432)).verdict == Verdict::kRefused);
  HelloParts other = parts;
  other.sessionId = Bytes(32, 0x52);
  CHECK(gateway.greet(other).verdict == Verdict::kRefused);
  other = parts;
  other.random[31] ^= 1;
  CHECK(gateway.greet(other).verdict == Verdict::kRefused);
  for (size_t bit = 0; bit < kDtlsCookie * 8; ++bit) {
    other = parts;
    other.cookie[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    CHECK(gateway.greet(other).verdict == Verdict::kRefused);
  }
  other = parts;
  other.cookie.pop_back();
  CHECK(gateway.greet(other).verdict == Verdict::kRefused);
  CHECK(gateway.greet(parts).verdict == Verdict::kHandshake);
}

TEST_CASE("a refused ClientHello gets a cookie that is good") {
  Gateway gateway;
  HelloParts parts = gateway.second();
  parts.cookie[0] ^= 1;
  const Greeting refused = gateway.greet(parts);
  REQUIRE(refused.verdict == Verdict::kRefused);
  parts.cookie = cookieIn(refused.answer);
  CHECK(gateway.greet(parts).verdict == Verdict::kHandshake);
}

TEST_CASE("G11 a cookie ends with the period after its own") {
  Gateway gateway;
  const uint64_t start = kNow / DtlsCookies::kPeriodMs * DtlsCookies::kPeriodMs;
  const HelloParts parts = gateway.second(peerAt(7, 4431), start + 10);
  CHECK(gateway.greet(parts, peerAt(7, 4431), start + DtlsCookies::kPeriodMs + 10).verdict == Verdict::kHandshake);
  CHECK(gateway.greet(parts, peerAt(7, 4431), start + 2 * DtlsCookies::kPeriodMs - 1).verdict == Verdict::kHandshake);
  CHECK(gateway.greet(parts, peerAt(7, 4431), start + 2 * DtlsCookies::kPeriodMs).verdict == Verdict::kRefused);
}

TEST_CASE("G11 two gateways, and two periods of one, share no secret") {
  Gateway one, two;
  const HelloParts parts = one.second();
  CHECK(two.second().cookie != parts.cookie);
  CHECK(two.greet(parts).verdict == Verdict::kRefused);
  for (uint64_t period = 1; period < 9; ++period) {
    CHECK(one.second(peerAt(7, 4431), kNow + period * DtlsCookies::kPeriodMs).cookie != parts.cookie);
  }
}

TEST_CASE("before the first minute is over") {
  Gateway gateway;
  CHECK(gateway.greet(gateway.second(peerAt(7, 4431), 3), peerAt(7, 4431), 9).verdict == Verdict::kHandshake);
}

TEST_CASE("unknown sessions and other versions get no answer") {
  Gateway gateway;
  HelloParts parts;
  parts.sessionId[0] ^= 1;
  CHECK(gateway.greet(parts).verdict == Verdict::kIgnore);
  parts = {};
  parts.sessionId.clear();
  CHECK(gateway.greet(parts).verdict == Verdict::kIgnore);
  for (const uint16_t version : {0xfeff, 0x0100, 0xfefc, 0x0303}) {
    parts = {};
    parts.version = version;
    const Greeting greeting = gateway.greet(parts);
    CHECK(greeting.verdict == Verdict::kIgnore);
    CHECK(greeting.answer.empty());
  }
}

TEST_CASE("G12 a resuming client is not asked for a cookie, and may bring one") {
  Gateway gateway;
  gateway.table.enter(resumedCandidate(9, Bytes(32, 0x51), "AES256-GCM-SHA384"));
  CHECK(gateway.greet({}).verdict == Verdict::kHandshake);
  HelloParts parts;
  parts.cookie = Bytes(32, 1);
  parts.messageSequence = 1;
  const Greeting refused = gateway.greet(parts);
  CHECK(refused.verdict == Verdict::kRefused);
  parts.cookie = cookieIn(refused.answer);
  CHECK(gateway.greet(parts).verdict == Verdict::kHandshake);
}

TEST_CASE("a ClientHello that cannot be the first or second message is left alone") {
  Gateway gateway;
  HelloParts parts = gateway.second();
  parts.messageSequence = 2;
  CHECK(gateway.greet(parts).verdict == Verdict::kIgnore);
  parts.messageSequence = 0;
  CHECK(gateway.greet(parts).verdict == Verdict::kIgnore);
  gateway.table.enter(resumedCandidate(9, Bytes(32, 0x51), "AES256-GCM-SHA384"));
  HelloParts first;
  first.messageSequence = 1;
  CHECK(gateway.greet(first).verdict == Verdict::kIgnore);
}

TEST_CASE("cookies are made and checked by many threads while their secret changes") {
  Gateway gateway;
  std::atomic<uint32_t> good{0};
  std::vector<std::thread> workers;
  for (uint8_t worker = 0; worker < 3; ++worker) {
    workers.emplace_back([&, worker] {
      for (uint64_t i = 0; i < 400; ++i) {
        const uint64_t now = kNow + i * DtlsCookies::kPeriodMs / 20;
        if (gateway.greet(gateway.second(peerAt(worker, 1), now), peerAt(worker, 1), now).verdict == Verdict::kHandshake) ++good;
      }
    });
  }
  for (auto& worker : workers) worker.join();
  CHECK(good > 1000);  // threads far apart in time may overwrite each other's periods here
}
