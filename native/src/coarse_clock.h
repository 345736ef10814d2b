// The clock of the data workers: read once a round, exact to a few milliseconds.
#pragma once
#include <ctime>

#include <cstdint>

namespace postern {

// Milliseconds of CLOCK_MONOTONIC_COARSE; comparable between threads.
inline uint64_t coarseMs() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000 + static_cast<uint64_t>(t.tv_nsec) / 1'000'000;
}

// Microseconds of CLOCK_MONOTONIC, for what has to wait.
inline uint64_t exactUs() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000 + static_cast<uint64_t>(t.tv_nsec) / 1000;
}

}  // namespace postern
