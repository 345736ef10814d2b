#include "inbox.h"

#include <doctest/doctest.h>
#include <poll.h>

#include <memory>
#include <thread>

using namespace postern;

namespace {
bool readable(int fd, int timeoutMs = 0) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, timeoutMs) == 1;
}
}  // namespace

TEST_CASE("items arrive in order and once") {
  Inbox<std::unique_ptr<int>> inbox(10);
  REQUIRE(inbox.fd() >= 0);
  CHECK_FALSE(readable(inbox.fd()));
  for (int i = 0; i < 3; ++i) CHECK(inbox.push(std::make_unique<int>(i)));
  CHECK(readable(inbox.fd()));
  std::vector<std::unique_ptr<int>> items;
  items.push_back(std::make_unique<int>(99));
  inbox.take(items);
  REQUIRE(items.size() == 3);
  for (int i = 0; i < 3; ++i) CHECK(*items[static_cast<size_t>(i)] == i);
  CHECK_FALSE(readable(inbox.fd()));
  inbox.take(items);
  CHECK(items.empty());
}

TEST_CASE("a full inbox refuses and leaves the item with its owner") {
  Inbox<std::unique_ptr<int>> inbox(2);
  CHECK(inbox.push(std::make_unique<int>(1)));
  CHECK(inbox.push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  CHECK_FALSE(inbox.push(std::move(third)));
  REQUIRE(third != nullptr);
  std::vector<std::unique_ptr<int>> items;
  inbox.take(items);
  CHECK(items.size() == 2);
  CHECK(inbox.push(std::move(third)));
  CHECK(readable(inbox.fd()));
}

TEST_CASE("a quiet item wakes nobody and comes with the next take; a wake-up not drained stays") {
  Inbox<int> inbox(3);
  CHECK(inbox.pushQuietly(1));
  CHECK_FALSE(readable(inbox.fd()));
  CHECK(inbox.push(2));
  CHECK(readable(inbox.fd()));
  std::vector<int> items;
  inbox.takeUnasked(items);
  CHECK(items == std::vector<int>{1, 2});
  CHECK(readable(inbox.fd()));
  inbox.take(items);
  CHECK(items.empty());
  CHECK_FALSE(readable(inbox.fd()));
  for (int i = 0; i < 3; ++i) CHECK(inbox.pushQuietly(std::move(i)));
  CHECK_FALSE(inbox.pushQuietly(4));
  inbox.signal();
  CHECK(readable(inbox.fd()));
}

TEST_CASE("signals before a drain wake once, signals after it wake again") {
  Wakeup wakeup;
  wakeup.signal();
  wakeup.signal();
  CHECK(readable(wakeup.fd()));
  wakeup.drain();
  CHECK_FALSE(readable(wakeup.fd()));
  wakeup.signal();
  CHECK(readable(wakeup.fd()));
}

TEST_CASE("no wake-up is lost between four producers and a consumer that sleeps in poll()") {
  constexpr uint32_t kProducers = 4, kEach = 50000;
  Inbox<uint32_t> inbox(64);
  std::vector<std::thread> producers;
  for (uint32_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (uint32_t i = 0; i < kEach; ++i) {
        while (!inbox.push(p << 24 | i)) std::this_thread::yield();
        if (i % 64 == 0) std::this_thread::yield();
      }
    });
  }
  std::vector<uint32_t> items, next(kProducers);
  uint32_t received = 0, disorder = 0;
  bool lost = false;
  while (received < kProducers * kEach && !lost) {
    // Ten seconds without a wake-up while items are still owed: one was lost.
    if (!readable(inbox.fd(), 10000)) {
      lost = true;
      break;
    }
    inbox.take(items);
    for (const uint32_t item : items) {
      disorder += next[item >> 24]++ != (item & 0xffffff);
      ++received;
    }
  }
  CHECK_FALSE(lost);
  if (lost) {  // let the producers finish before they are joined
    while (received < kProducers * kEach) {
      inbox.take(items);
      received += static_cast<uint32_t>(items.size());
    }
  }
  for (auto& producer : producers) producer.join();
  CHECK(received == kProducers * kEach);
  CHECK(disorder == 0);
}
