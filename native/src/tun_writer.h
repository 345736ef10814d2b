// Packets from the clients of one worker into its TUN queue, merged where the kernel allows it. The worker's thread only.
#pragma once
#include <sys/uio.h>

#include "coalesce.h"
#include "stats.h"
#include "tun_device.h"

namespace postern {

class TunWriter {
 public:
  using Write = ssize_t (*)(int fd, const iovec* parts, int count);
  TunWriter(int queueFd, const Offloads& offloads, StatBlock& stats, Write write = ::writev);
  // `packet` stays valid and writable until flush(). Writes by itself when its batch is full.
  void add(ByteSpan packet, const PacketInfo& info, uint32_t tunnel) noexcept;
  void flush() noexcept;
  // One complete packet at once, past the batch.
  void write(ByteView packet) noexcept;

 private:
  void write(const iovec* parts, int count, size_t packets, size_t bytes) noexcept;
  void refused(const VirtioNetHeader& header, int code) noexcept;

  int fd_;
  Write write_;
  Coalescer::Options merging_;
  Coalescer coalescer_;
  StatBlock& stats_;
};

}  // namespace postern
