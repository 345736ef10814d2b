#include "router.h"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <vector>

using namespace postern;

namespace {
Ipv6 address6(uint32_t n) {
  Ipv6 a{0xfd, 0, 0, 1};
  for (int i = 0; i < 4; ++i) a[15 - static_cast<size_t>(i)] = static_cast<uint8_t>(n >> (8 * i));
  return a;
}
}  // namespace

TEST_CASE("what was inserted is found, with its worker; nothing else is") {
  Router router;
  router.insert(0x0a140002, {7, 3});
  router.insert(address6(2), {8, 1});
  CHECK(router.find(0x0a140002u).tunnel == 7);
  CHECK(router.find(0x0a140002u).worker == 3);
  CHECK(router.find(address6(2)).tunnel == 8);
  CHECK(router.find(address6(2)).worker == 1);
  CHECK(router.find(0x0a140003u).tunnel == 0);
  CHECK(router.find(0u).tunnel == 0);
  CHECK(router.find(address6(3)).tunnel == 0);
  CHECK(router.find(Ipv6{}).tunnel == 0);
  CHECK(router.size() == 2);
}

TEST_CASE("the newest owner wins, and an older one's removal leaves it alone") {
  Router router;
  router.insert(5, {1, 0});
  router.insert(5, {2, 1});
  CHECK(router.size() == 1);
  router.remove(5, 1);
  CHECK(router.find(5u).tunnel == 2);
  CHECK(router.find(5u).worker == 1);
  router.remove(5, 2);
  CHECK(router.find(5u).tunnel == 0);
  CHECK(router.find(5u).worker == 0);
  CHECK(router.size() == 0);
  router.remove(5, 2);
  router.remove(6, 2);
  CHECK(router.size() == 0);
  router.insert(5, {3, 2});
  CHECK(router.find(5u).tunnel == 3);
  CHECK(router.size() == 1);
}

TEST_CASE("the same for IPv6") {
  Router router;
  router.insert(address6(5), {1, 0});
  router.insert(address6(5), {2, 1});
  router.remove(address6(5), 1);
  CHECK(router.find(address6(5)).tunnel == 2);
  router.remove(address6(5), 2);
  CHECK(router.find(address6(5)).tunnel == 0);
  CHECK(router.size() == 0);
}

TEST_CASE("tunnel 0 is nobody") {
  Router router;
  router.insert(5, {0, 4});
  CHECK(router.size() == 0);
  CHECK(router.find(5u).worker == 0);
  router.insert(5, {1, 4});
  router.remove(5, 0);
  CHECK(router.find(5u).tunnel == 1);
}

TEST_CASE("random inserts and removals agree with a map, through growth and rebuilds") {
  Router router;
  std::map<uint32_t, Route> oracle;
  std::mt19937 random(3);
  for (uint32_t i = 1; i <= 200000; ++i) {
    const uint32_t range = i < 100000 ? 30000 : 500;
    const uint32_t n = random() % range;
    if (random() % 2 == 0) {
      oracle[n] = {i, i % 4};
      router.insert(n, {i, i % 4});
      router.insert(address6(n), {i, i % 4});
    } else {
      const auto found = oracle.find(n);
      const uint32_t tunnel = found == oracle.end() ? i : found->second.tunnel;
      if (found != oracle.end()) oracle.erase(found);
      router.remove(n, tunnel);
      router.remove(address6(n), tunnel);
    }
  }
  CHECK(router.size() == 2 * oracle.size());
  for (uint32_t n = 0; n < 31000; ++n) {
    const auto found = oracle.find(n);
    const uint32_t tunnel = found == oracle.end() ? 0 : found->second.tunnel;
    REQUIRE(router.find(n).tunnel == tunnel);
    REQUIRE(router.find(address6(n)).tunnel == tunnel);
  }
}

TEST_CASE("readers see every lasting route at every moment while a writer churns and grows") {
  Router router;
  constexpr uint32_t kLasting = 100, kRounds = 60000;
  for (uint32_t n = 0; n < kLasting; ++n) {
    router.insert(n, {n + 1, 1});
    router.insert(address6(n), {n + 1, 1});
  }
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> wrong{0}, reads{0};
  std::vector<std::thread> readers;
  for (uint32_t r = 0; r < 2; ++r) {
    readers.emplace_back([&, r] {
      uint64_t bad = 0, count = 0;
      for (uint32_t n = r; !stop.load(std::memory_order_relaxed) || count < kLasting; n = (n + 1) % kLasting) {
        bad += router.find(n).tunnel != n + 1;
        bad += router.find(address6(n)).tunnel != n + 1;
        // A passing route is itself or nothing.
        const uint32_t passing = 1000000 + n * 17;
        const Route route = router.find(passing);
        bad += route.tunnel != 0 && (route.tunnel != passing || route.worker != 2);
        ++count;
      }
      wrong += bad;
      reads += count;
    });
  }
  // Always new keys: tables fill with removed ones and are rebuilt, some after growing.
  for (uint32_t i = 0; i < kRounds; ++i) {
    const uint32_t key = 1000000 + i;
    const uint32_t keep = i < 20000 ? 3000 : 100;
    router.insert(key, {key, 2});
    router.insert(address6(key), {key, 2});
    if (i >= keep) {
      const uint32_t old = key - keep;
      router.remove(old, old);
      router.remove(address6(old), old);
    }
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(reads >= 2 * kLasting);
}

namespace {
IpPrefix network(const char* text) {
  IpPrefix prefix;
  REQUIRE(parsePrefix(text, prefix));
  return prefix;
}
}  // namespace

TEST_CASE("the longest network that holds an address has it, after the address itself") {
  Router router;
  router.insert(network("0.0.0.0/0"), {1, 0});
  router.insert(network("10.0.0.0/8"), {2, 1});
  router.insert(network("10.9.0.0/16"), {3, 2});
  router.insert(network("10.9.8.7/32"), {4, 3});
  router.insert(0x0a090001, {5, 0});
  CHECK(router.find(0x0a090001u).tunnel == 5);
  CHECK(router.find(0x0a090002u).tunnel == 3);
  CHECK(router.find(0x0a090002u).worker == 2);
  CHECK(router.find(0x0a090807u).tunnel == 4);
  CHECK(router.find(0x0a0a0000u).tunnel == 2);
  CHECK(router.find(0x0b000000u).tunnel == 1);
  CHECK(router.find(0xffffffffu).tunnel == 1);
  router.remove(network("10.9.0.0/16"), 3);
  CHECK(router.find(0x0a090002u).tunnel == 2);
  router.remove(network("0.0.0.0/0"), 1);
  CHECK(router.find(0x0b000000u).tunnel == 0);
  CHECK(router.size() == 1);
}

TEST_CASE("the same for IPv6, at every length") {
  Router router;
  const Ipv6 whole = network("2001:db8:1234:5678:9abc:def0:1234:5679").bytes;
  IpPrefix prefix{true, whole, 0};
  for (int length = 0; length <= 128; ++length) {
    prefix.length = static_cast<uint8_t>(length);
    router.insert(prefix.network(), {static_cast<uint32_t>(length + 1), 0});
    CHECK(router.find(whole).tunnel == static_cast<uint32_t>(length + 1));
  }
  // One bit changed: what is left are the networks that end before it.
  for (int bit = 0; bit < 128; ++bit) {
    Ipv6 other = whole;
    other[static_cast<size_t>(bit / 8)] ^= static_cast<uint8_t>(0x80 >> bit % 8);
    CHECK(router.find(other).tunnel == static_cast<uint32_t>(bit + 1));
  }
  for (int length = 128; length >= 0; --length) {
    prefix.length = static_cast<uint8_t>(length);
    router.remove(prefix.network(), static_cast<uint32_t>(length + 1));
    CHECK(router.find(whole).tunnel == static_cast<uint32_t>(length));
  }
}

TEST_CASE("of two owners of a network the newer has it, and the older one's removal leaves it alone") {
  Router router;
  router.insert(network("10.9.0.0/16"), {1, 0});
  router.insert(network("10.9.0.0/16"), {2, 1});
  router.remove(network("10.9.0.0/16"), 1);
  CHECK(router.find(0x0a090002u).tunnel == 2);
  router.remove(network("10.9.0.0/16"), 2);
  router.remove(network("10.9.0.0/16"), 2);
  CHECK(router.find(0x0a090002u).tunnel == 0);
  router.insert(network("10.9.0.0/16"), {3, 1});
  CHECK(router.find(0x0a090002u).tunnel == 3);
}

TEST_CASE("networks that come and go while packets are routed") {
  Router router;
  router.insert(network("10.0.0.0/8"), {1, 0});
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (uint32_t i = 0; i < 20000; ++i) {
      IpPrefix one = network("10.9.0.0/24");
      one.bytes[1] = static_cast<uint8_t>(i);
      router.insert(one, {2, 1});
      router.remove(one, 2);
    }
    done = true;
  });
  bool sound = true;
  while (!done) {
    for (uint32_t i = 0; i < 256; ++i) {
      const uint32_t found = router.find(0x0a000001u | i << 16).tunnel;
      sound = sound && (found == 1 || found == 2);
    }
  }
  writer.join();
  CHECK(sound);
}
