#include "pool_priority.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace postern {
namespace {

// A tenth of the time of an ordinary thread that wants to run, too.
constexpr int kNice = 10;
constexpr int kThreads = 4, kMostThreads = 1024;  // libuv's

}  // namespace

size_t PoolPriority::threads() noexcept {
  const char* wanted = std::getenv("UV_THREADPOOL_SIZE");
  return static_cast<size_t>(wanted == nullptr ? kThreads : std::clamp(std::atoi(wanted), 1, kMostThreads));
}

void PoolPriority::lower() noexcept {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice);
  std::unique_lock lock(mutex_);
  if (missing_ > 0 && --missing_ == 0) all_.notify_all();
  else all_.wait_for(lock, std::chrono::seconds(1), [this] { return missing_ == 0; });
}

}  // namespace postern
