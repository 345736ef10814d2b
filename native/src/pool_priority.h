// Threads of libuv's pool compute the hashes of passwords, for anybody who asks. At a lower priority they take only the time
// that nobody else wants: a storm of logins then delays no handshake, no CONNECT and no packet.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace postern {

// One for all threads of the pool. Each calls lower() once, in a work item of its own.
class PoolPriority {
 public:
  explicit PoolPriority(size_t threads) : missing_(threads) {}
  // Threads of the pool as libuv makes them (UV_THREADPOOL_SIZE, else 4).
  static size_t threads() noexcept;
  // Lowers the calling thread and keeps it until all have come, for else one thread would take the items of two; a second at most.
  void lower() noexcept;

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  size_t missing_;
};

}  // namespace postern
