// TCP super-packets: cut as a network card would, merged as the kernel would. Sans I/O.
#pragma once
#include <sys/uio.h>

#include <vector>

#include "inner.h"

namespace load {

// struct virtio_net_hdr, host order (linux/virtio_net.h).
struct VirtioHeader {
  uint8_t flags = 0, gsoType = 0;
  uint16_t headerLength = 0, gsoSize = 0, checksumStart = 0, checksumOffset = 0;
};
static_assert(sizeof(VirtioHeader) == 10);
constexpr uint8_t kNeedsChecksum = 1, kGsoTcp4 = 1, kGsoTcp6 = 4;

// What a read of the device has to become: `count` packets, all of `size` bytes but the last.
class Cut {
 public:
  // `packet` must outlive the cut and may be changed. Throws for a super-packet that is no TCP.
  Cut(const VirtioHeader& header, uint8_t* packet, size_t length);
  size_t count() const { return count_; }
  size_t size(size_t index) const { return index + 1 < count_ ? head_ + part_ : length_ - index * part_; }
  // Writes packet `index` with its own lengths, numbers, flags and checksums.
  void write(size_t index, uint8_t* to) const;

 private:
  const uint8_t* packet_;
  size_t length_, head_ = 0, part_ = 0, count_ = 1, ip_ = 0;
};

// Packets of one TCP flow in order, as one write to the device.
class Merge {
 public:
  // False when the packet cannot follow what is there; flush and try again. The packet must stay where it is until then.
  bool add(uint8_t* packet, size_t length);
  bool empty() const { return count_ == 0; }
  size_t count() const { return count_; }
  // Header, first packet, further payloads; valid until reset().
  const std::vector<iovec>& finish();
  void reset() { count_ = 0; }

 private:
  VirtioHeader header_;
  std::vector<iovec> parts_;
  uint8_t* first_ = nullptr;
  size_t count_ = 0, total_ = 0, payload_ = 0, head_ = 0, ip_ = 0;
  uint32_t next_ = 0;
  bool closed_ = false;
};

}  // namespace load
