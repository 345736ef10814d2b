// Rates: the bucket, what waits for it, and how tunnels share one.
// sanitizer: thread
#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <random>
#include <thread>

#include "rate_shares.h"
#include "shaper_line.h"

using namespace postern;

namespace {

constexpr uint64_t kStartUs = 10'000'000;

std::shared_ptr<RateBucket> bucket(uint64_t rate) {
  auto made = std::make_shared<RateBucket>();
  made->limit(rate, 0);
  return made;
}

// Tunnels on one line with a clock of the test.
struct Bench {
  explicit Bench(uint32_t lane = 0) : line(lane) {}
  Shaper& tunnel(uint32_t id, Shaper::Buckets buckets) {
    auto& shaper = *shapers.emplace(id, std::make_unique<Shaper>(id, line)).first->second;
    shaper.limit(std::move(buckets));
    return shaper;
  }
  // One packet for a tunnel.
  void offer(uint32_t id, size_t length, uint32_t flow = 0) {
    FrameQueue::Losses losses;
    uint8_t* const at = shapers.at(id)->hold(length, flow, nowUs, pool, losses);
    if (at == nullptr) pass(id, length);
    else std::fill_n(at, length, static_cast<uint8_t>(flow));
    lost[id] += losses.dropped + losses.late;
  }
  void serve() {
    line.serve(
        nowUs, pool, [&](uint32_t id) { return shapers.contains(id) ? shapers.at(id).get() : nullptr; },
        [&](uint32_t id, ByteView frame) {
          pass(id, frame.size() - cstp::kHeader);
          ++ofFlow[frame[cstp::kHeader]];
        },
        [&](uint32_t id, const FrameQueue::Losses& losses) { lost[id] += losses.dropped + losses.late; });
  }
  void pass(uint32_t id, size_t length) {
    passed[id] += length;
    last[id] = nowUs;
  }
  // Each millisecond: keep the queues of these filled, then serve.
  void run(uint64_t ms, const std::vector<uint32_t>& bulk, size_t length = 1400) {
    for (const uint64_t end = nowUs + ms * 1000; nowUs < end; nowUs += 1000) {
      for (const uint32_t id : bulk) {
        while (shapers.at(id)->queued() < 30'000) offer(id, length);
      }
      serve();
    }
  }

  uint64_t nowUs = kStartUs;
  BufferPool pool;
  ShaperLine line;
  std::map<uint32_t, std::unique_ptr<Shaper>> shapers;
  std::map<uint32_t, size_t> passed, lost, ofFlow;
  std::map<uint32_t, uint64_t> last;
};

constexpr uint64_t kBurst = RateBucket::kBurstNs / 1'000'000;  // ms

}  // namespace

TEST_CASE("a bucket lets the rate through, and a burst after silence, whatever the size of packets") {
  for (const uint64_t rate : {125ul, 12'500ul, 1'250'000ul, 125'000'000ul, 12'500'000'000ul}) {
    for (const size_t length : {40ul, 1400ul, 65'535ul}) {
      RateBucket b;
      b.limit(rate, 0);
      const uint64_t from = 1'000'000'000'000'000;
      uint64_t now = from, bytes = 0;
      // Whoever asks at the moment it is free gets the rate to the byte, and what it had saved.
      for (int i = 0; i < 50'000; ++i, bytes += length, now = std::max(now, b.readyNs())) b.take(length, now);
      const double saved = static_cast<double>(rate) * static_cast<double>(kBurst) / 1000;
      const double allowed = static_cast<double>(rate) * static_cast<double>(now - from) / 1e9 + saved;
      CHECK(static_cast<double>(bytes) <= allowed * 1.02 + static_cast<double>(length));
      CHECK(static_cast<double>(bytes) >= (allowed - saved) * 0.98 - static_cast<double>(length));
    }
  }
}

TEST_CASE("no rate is no limit; another rate begins without the debts of the old one") {
  RateBucket b;
  b.take(1 << 30, 1000);
  CHECK(b.readyNs() == 0);
  b.limit(100, 1000);
  b.take(65'535, 1'000'000'000);
  CHECK(b.readyNs() > 600'000'000'000);
  b.limit(100, 1'000'000'000);  // the same: nothing is forgiven
  CHECK(b.readyNs() > 600'000'000'000);
  b.limit(200, 1'000'000'000);
  CHECK(b.readyNs() == 1'000'000'000);
}

TEST_CASE("what is beyond the rate waits and goes in order; then packets pass again at once") {
  Bench one;
  Shaper& shaper = one.tunnel(1, {bucket(1'000'000)});
  for (int i = 0; i < 60; ++i) one.offer(1, 1000);
  CHECK(one.passed[1] >= 30'000);  // the burst
  CHECK(one.passed[1] <= 31'000);
  CHECK(shaper.waits());
  for (const size_t burst = one.passed[1]; shaper.waits();) {
    one.serve();
    if (!shaper.waits()) break;
    REQUIRE(one.line.dueUs() > one.nowUs);
    REQUIRE(one.line.dueUs() <= one.nowUs + 1001);
    one.nowUs = one.line.dueUs();
    REQUIRE(one.passed[1] <= burst + 1000 + (one.nowUs - kStartUs));
  }
  CHECK(one.passed[1] + one.lost[1] * 1000 == 60'000);
  CHECK(one.lost[1] <= 1);  // CoDel may take one of a queue that has stood for 30 ms
  CHECK(one.line.empty());
  one.nowUs += 100'000;
  const size_t before = one.passed[1];
  one.offer(1, 1000);
  CHECK(one.passed[1] == before + 1000);
}

TEST_CASE("a flood keeps its rate and is bounded in bytes; small packets and large ones get the same bytes") {
  for (const size_t length : {100ul, 1400ul, 9000ul}) {
    Bench one;
    Shaper& shaper = one.tunnel(1, {bucket(1'250'000)});
    for (int ms = 0; ms < 2000; ++ms, one.nowUs += 1000) {
      for (size_t sent = 0; sent < 12'500; sent += length) one.offer(1, length);  // ten times as much
      REQUIRE(shaper.queued() <= 1'250'000 / 8 + 9100);
      one.serve();
    }
    CHECK(one.passed[1] >= 2'500'000 * 98 / 100);
    CHECK(one.passed[1] <= (2'500'000 + 1'250 * kBurst) * 102 / 100);
    CHECK(one.lost[1] > 0);
  }
}

TEST_CASE("one who asks and answers beside his own bulk loses nothing, and does not wait behind it") {
  Bench one;
  Shaper& shaper = one.tunnel(1, {bucket(1'000'000)});
  uint64_t worst = 0;
  for (int ms = 0; ms < 5000; ++ms, one.nowUs += 1000) {
    while (shaper.queued() < 100'000) one.offer(1, 1400);
    if (ms % 20 == 10) {
      const size_t before = one.ofFlow[1];
      one.offer(1, 84, 1);
      const uint64_t sent = one.nowUs;
      for (; one.ofFlow[1] == before; one.nowUs += 100) one.serve();
      worst = std::max(worst, one.nowUs - sent);
    }
    one.serve();
  }
  CHECK(one.ofFlow[1] == 250);
  CHECK(one.lost[1] > 20);  // of the bulk
  CHECK(worst <= 3'000);    // two packets at the rate
}

TEST_CASE("packets of a flow keep their order while it comes and goes, whatever else waits") {
  Bench one;
  one.tunnel(1, {bucket(500'000)});
  std::map<uint32_t, uint32_t> next, seen;
  std::minstd_rand random(7);
  size_t passed = 0;
  for (int ms = 0; ms < 3000; ++ms, one.nowUs += 1000) {
    for (int i = 0; i < 3; ++i) {
      const uint32_t flow = random() % 8;
      const size_t length = 100 + random() % 300;
      FrameQueue::Losses losses;
      uint8_t* const at = one.shapers.at(1)->hold(length, flow * 77, one.nowUs, one.pool, losses);
      const uint32_t number = ++next[flow];
      if (at == nullptr) {
        REQUIRE(number > seen[flow]);
        seen[flow] = number;
        continue;
      }
      std::memcpy(at, &flow, 4);
      std::memcpy(at + 4, &number, 4);
    }
    one.line.serve(
        one.nowUs, one.pool, [&](uint32_t id) { return one.shapers.at(id).get(); },
        [&](uint32_t, ByteView frame) {
          uint32_t flow, number;
          std::memcpy(&flow, &frame[cstp::kHeader], 4);
          std::memcpy(&number, &frame[cstp::kHeader + 4], 4);
          REQUIRE(number > seen[flow]);
          seen[flow] = number;
          ++passed;
        },
        [](uint32_t, const FrameQueue::Losses&) {});
  }
  CHECK(passed > 2000);
}

TEST_CASE("tunnels with one rate together share it evenly, and each keeps to its own") {
  Bench group;
  const auto shared = bucket(1'000'000), slow = bucket(100'000);
  group.tunnel(1, {bucket(0), shared});
  group.tunnel(2, {bucket(0), shared});
  group.tunnel(3, {slow, shared});
  group.tunnel(4, {bucket(0), shared});
  group.run(4000, {1, 2, 3, 4}, 1400);
  const size_t sum = group.passed[1] + group.passed[2] + group.passed[3] + group.passed[4];
  CHECK(sum >= 4'000'000 * 98 / 100);
  CHECK(sum <= 4'000'000 * 102 / 100 + 1'000 * kBurst);
  CHECK(group.passed[3] <= 400'000 * 102 / 100 + 100 * kBurst);
  CHECK(group.passed[3] >= 400'000 * 90 / 100);
  for (const uint32_t id : {1, 2, 4}) {
    CHECK(group.passed[id] >= (sum - group.passed[3]) / 3 * 95 / 100);
    CHECK(group.passed[id] <= (sum - group.passed[3]) / 3 * 105 / 100);
  }
}

TEST_CASE("who asks and answers does not wait behind the bulk of others with the same rate") {
  Bench group;
  const auto shared = bucket(1'000'000);  // a packet takes 1.4 ms
  std::vector<uint32_t> bulk;
  for (uint32_t id = 1; id <= 20; ++id) {
    group.tunnel(id, {bucket(0), shared});
    bulk.push_back(id);
  }
  group.tunnel(99, {bucket(0), shared});
  group.run(200, bulk);
  uint64_t longest = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t sent = group.nowUs;
    group.offer(99, 84);
    group.run(30, bulk);
    REQUIRE(group.last[99] >= sent);  // it has gone
    longest = std::max(longest, group.last[99] - sent);
  }
  CHECK(longest <= 5'000);
  CHECK(group.lost[99] == 0);
}

TEST_CASE("one that comes first each time it begins to wait takes no more than its share") {
  Bench group;
  const auto shared = bucket(1'000'000);
  for (const uint32_t id : {1, 2, 3}) group.tunnel(id, {bucket(0), shared});
  for (int ms = 0; ms < 3000; ++ms, group.nowUs += 1000) {
    for (const uint32_t id : {2, 3}) {
      while (group.shapers.at(id)->queued() < 30'000) group.offer(id, 1400);
    }
    if (group.shapers.at(1)->queued() == 0) group.offer(1, 1400);
    group.serve();
  }
  CHECK(group.passed[1] <= (group.passed[2] + group.passed[3]) / 2 * 110 / 100);
}

TEST_CASE("a tunnel that goes while it waits leaves no trace; a changed rate holds for what waits") {
  Bench group;
  const auto shared = bucket(100'000);
  group.tunnel(1, {bucket(0), shared});
  Shaper& stays = group.tunnel(2, {bucket(0), shared});
  for (int i = 0; i < 10; ++i) group.offer(1, 1400), group.offer(2, 1400);
  CHECK(shared->waiting == 2);
  group.shapers.erase(1);
  CHECK(shared->waiting == 1);
  group.serve();
  stays.limit({bucket(0)});
  CHECK(shared->waiting == 0);
  group.serve();
  CHECK(group.passed[2] + group.lost[2] * 1400 == 14'000);
  CHECK(group.line.empty());
}

TEST_CASE("shares: one bucket for one number while somebody has it, with the rates given last; gone ones are forgotten") {
  RateShares shares;
  const auto a = shares.get(7, 100, 200, 0), b = shares.get(7, 300, 400, 0);
  CHECK(a == b);
  CHECK(a->up.rate() == 300);
  CHECK(a->down.rate() == 400);
  for (uint32_t id = 100; id < 10'000; ++id) shares.get(id, 1, 1, 0);
  CHECK(shares.size() < 200);
  CHECK(shares.get(7, 1, 1, 0) == a);
}

TEST_CASE("tunnels of 2 and of 4 workers share a rate evenly, whoever wakes first, and one that its own rate holds back holds up nobody") {
  struct Case {
    std::vector<uint32_t> tunnels;  // of each worker
    uint64_t rate;
  };
  for (const Case& c : {Case{{1, 3}, 1'000'000}, Case{{1, 3}, 20'000'000}, Case{{1, 1, 2, 4}, 2'000'000}, Case{{4, 0, 1, 1}, 5'000'000}, Case{{1, 1}, 2'000'000}, Case{{1, 0}, 2'000'000}}) {
    RateShares shares;
    const auto share = shares.get(1, c.rate, 0, 0);
    std::vector<std::unique_ptr<Bench>> workers;
    for (uint32_t w = 0; w < c.tunnels.size(); ++w) {
      Bench& worker = *workers.emplace_back(std::make_unique<Bench>(w));
      for (uint32_t id = 0; id < c.tunnels[w]; ++id) worker.tunnel(id, {bucket(0), {share, &share->up}});
    }
    Bench& slow = *workers.emplace_back(std::make_unique<Bench>(15));
    slow.tunnel(0, {bucket(c.rate / 100), {share, &share->up}});
    constexpr uint64_t kMs = 500, kFrom = 100;
    std::vector<size_t> before;
    const auto each = [&](auto&& visit) {
      for (auto& worker : workers) {
        for (const auto& [id, shaper] : worker->shapers) visit(*worker, id);
      }
    };
    for (uint64_t ms = 0; ms < kMs; ++ms) {
      if (ms == kFrom) each([&](Bench& worker, uint32_t id) { before.push_back(worker.passed[id]); });
      for (auto& worker : workers) {  // always the first one first
        for (const auto& [id, shaper] : worker->shapers) {
          for (size_t i = 0; i < 2000 && shaper->queued() < 15'000 + c.rate / 500; ++i) worker->offer(id, 1400);
        }
        worker->serve();
        worker->nowUs += 1000;
      }
    }
    std::vector<double> got;
    each([&](Bench& worker, uint32_t id) { got.push_back(static_cast<double>(worker.passed[id] - before[got.size()])); });
    const double all = static_cast<double>(c.rate) * (kMs - kFrom) / 1000;
    double sum = 0;
    for (const double one : got) sum += one;
    CHECK(sum >= all * 0.95);
    CHECK(sum <= all * 1.1);
    CHECK(got.back() <= all * 0.015);
    const double fair = (sum - got.back()) / static_cast<double>(got.size() - 1);
    for (size_t i = 0; i + 1 < got.size(); ++i) {
      CHECK(got[i] >= fair * 0.85);
      CHECK(got[i] <= fair * 1.15);
    }
  }
}

TEST_CASE("threads that serve one rate get it together") {
  RateShares shares;
  constexpr uint64_t kRate = 10'000'000;
  const auto share = shares.get(1, kRate, 0, 0);
  std::vector<size_t> passed(4);
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Bench worker(t);
      worker.tunnel(1, {bucket(0), {share, &share->up}});
      worker.run(100, {1});
      passed[t] = worker.passed[1];
    });
  }
  for (auto& thread : threads) thread.join();
  const size_t sum = passed[0] + passed[1] + passed[2] + passed[3];
  CHECK(sum >= kRate / 10 * 9 / 10);
  CHECK(sum <= kRate / 10 + kRate * kBurst / 1000 + 4 * 4 * 1400);
}

TEST_CASE("threads that take from one bucket get the rate together") {
  RateBucket b;
  b.limit(1'000'000'000, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) b.take(1000, 1'000'000'000);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(b.readyNs() == 1'000'000'000 - RateBucket::kBurstNs + 40'000'000);
}
