// sanitizer: thread
#include "dtls_table.h"

#include <doctest/doctest.h>

#include <thread>

#include "dtls_hellos.h"

using namespace postern;
using namespace postern::test;

TEST_CASE("an id finds its tunnel, offer and secret") {
  DtlsTable table;
  table.enter(pskCandidate(7, {1, 2, 3}));
  const auto found = table.find(Bytes{1, 2, 3});
  REQUIRE(found);
  CHECK(found->tunnel == 7);
  CHECK(found->secret.bytes == Bytes(32, 0x42));
  CHECK_FALSE(table.find(Bytes{1, 2}));
  CHECK_FALSE(table.find(Bytes{}));
  bool helloVerify = false;
  CHECK(table.tunnelOf(Bytes{1, 2, 3}, helloVerify) == 7);
  CHECK(helloVerify);
  CHECK(table.tunnelOf(Bytes{1, 2, 4}, helloVerify) == 0);
}

TEST_CASE("the newest tunnel of an id wins, and an older one cannot take it away") {
  DtlsTable table;
  table.enter(pskCandidate(7, {1}, "PSK-AES256-GCM-SHA384", 1));
  table.enter(pskCandidate(8, {1}, "PSK-AES256-GCM-SHA384", 2));
  CHECK(table.size() == 1);
  table.remove(Bytes{1}, 7);
  REQUIRE(table.find(Bytes{1}));
  CHECK(table.find(Bytes{1})->tunnel == 8);
  CHECK(table.find(Bytes{1})->secret.bytes == Bytes(32, 2));
  table.remove(Bytes{1}, 8);
  CHECK(table.size() == 0);
  table.remove(Bytes{1}, 8);
}

TEST_CASE("tunnels come and go while others are looked up") {
  DtlsTable table;
  std::vector<std::thread> threads;
  for (uint8_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 1; i <= 300; ++i) {
        const Bytes id = {t, static_cast<uint8_t>(i)};
        bool helloVerify;
        table.enter(pskCandidate(i, id));
        table.find(Bytes{static_cast<uint8_t>((t + 1) % 3), static_cast<uint8_t>(i)});
        table.tunnelOf(id, helloVerify);
        table.remove(id, i);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(table.size() == 0);
}
