// A bounded multi-producer, single-consumer queue with an eventfd: commands and handed-over packets to a thread.
// Producers never block; push() is false when full. A mutex held for a few instructions is fine: nothing on the packet
// path of one worker takes it.
#pragma once
#include <atomic>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace postern {

class Wakeup {
 public:
  Wakeup();   // eventfd; fd() is -1 when the system has none left
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;
  int fd() const noexcept { return fd_; }
  void signal() noexcept;   // writes only if not armed already
  void drain() noexcept;    // consumer: before taking
 private:
  int fd_;
  std::atomic<bool> armed_{false};
};

template <typename T>
class Inbox {
 public:
  explicit Inbox(size_t capacity) : capacity_(capacity) {}
  int fd() const noexcept { return wakeup_.fd(); }
  bool push(T&& item) {
    if (!pushQuietly(std::move(item))) return false;
    signal();
    return true;
  }
  // For what can wait until the consumer wakes up for another reason, or until signal().
  bool pushQuietly(T&& item) {
    std::lock_guard lock(mutex_);
    if (items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    return true;
  }
  void signal() noexcept { wakeup_.signal(); }
  // Moves everything into `into` (cleared first).
  void take(std::vector<T>& into) {
    drain();
    takeUnasked(into);
  }
  // The two steps of take(). A wake-up that is not drained stays.
  void drain() noexcept { wakeup_.drain(); }
  void takeUnasked(std::vector<T>& into) {
    into.clear();
    std::lock_guard lock(mutex_);
    items_.swap(into);
  }

 private:
  size_t capacity_;
  std::mutex mutex_;
  std::vector<T> items_;
  Wakeup wakeup_;
};

}  // namespace postern
