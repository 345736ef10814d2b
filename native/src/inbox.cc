#include "inbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace postern {

// Why no wake-up is lost. A producer queues its item, then exchanges armed_ to true and writes the eventfd if it was false.
// The consumer empties the eventfd, then exchanges armed_ to false, then takes. A producer that skipped its write found
// armed_ true: either the write of whoever armed it is still unread (the consumer will wake), or the consumer is
// between its read and its exchange: that exchange reads what the producer stored (acquire/release), so the take after it
// sees the item. The reverse order in drain() would lose: a producer arming between the two has its write eaten and
// leaves armed_ true for ever. A write that comes late only wakes the consumer once for nothing.

Wakeup::Wakeup() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Wakeup::~Wakeup() {
  if (fd_ >= 0) close(fd_);
}

void Wakeup::signal() noexcept {
  if (armed_.exchange(true, std::memory_order_acq_rel)) return;
  const uint64_t one = 1;
  // Cannot fail short of 2^64 unread writes, or with no eventfd at all.
  [[maybe_unused]] const ssize_t n = write(fd_, &one, sizeof one);
}

void Wakeup::drain() noexcept {
  uint64_t count;
  [[maybe_unused]] const ssize_t n = read(fd_, &count, sizeof count);  // EAGAIN: nothing to consume
  armed_.exchange(false, std::memory_order_acq_rel);
}

}  // namespace postern
