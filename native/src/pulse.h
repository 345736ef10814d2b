// A thread's sign of life: somebody asks now and then, the thread answers once a round. The next question tells whether
// the last one was answered.
#pragma once
#include <atomic>
#include <cstdint>

namespace postern {

class Pulse {
 public:
  // One asker. False while the last question is open; then it stays the question.
  bool ask() noexcept {
    const uint64_t asked = asked_.load(std::memory_order_relaxed);
    if (answered_.load(std::memory_order_relaxed) != asked) return false;
    asked_.store(asked + 1, std::memory_order_relaxed);
    return true;
  }
  void answer() noexcept { answered_.store(asked_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> asked_{0}, answered_{0};
};

}  // namespace postern
