#include "event_queue.h"

#include <doctest/doctest.h>

using namespace postern;

namespace {
constexpr uint8_t kBytes[] = {1, 2, 3};
}

TEST_CASE("a connection waits for its first bytes, and one wake-up brings both in order") {
  EventQueue queue;
  int woken = 0;
  queue.open([&] { ++woken; });
  queue.post(EventType::kConnection, 7, 0, kBytes);
  CHECK(woken == 0);
  queue.post(EventType::kData, 7, 1, kBytes);
  CHECK(woken == 1);
  queue.post(EventType::kEnd, 7, 0, {});
  CHECK(woken == 1);
  EventBatch batch;
  queue.take(batch);
  REQUIRE(batch.meta.size() == 3 * kEventWords);
  CHECK(batch.meta[0] == static_cast<uint32_t>(EventType::kConnection));
  CHECK(batch.meta[kEventWords] == static_cast<uint32_t>(EventType::kData));
  CHECK(batch.meta[2 * kEventWords] == static_cast<uint32_t>(EventType::kEnd));
}

TEST_CASE("a flush brings the connection of a client that is silent, once") {
  EventQueue queue;
  int woken = 0;
  queue.open([&] { ++woken; });
  queue.flush();
  CHECK(woken == 0);
  queue.post(EventType::kConnection, 7, 0, kBytes);
  queue.flush();
  queue.flush();
  CHECK(woken == 1);
  EventBatch batch;
  queue.take(batch);
  CHECK(batch.meta.size() == kEventWords);
  queue.flush();
  CHECK(woken == 1);
  queue.post(EventType::kConnection, 8, 0, kBytes);
  queue.close();
  queue.flush();
  CHECK(woken == 1);
}
