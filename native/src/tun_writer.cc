#include "tun_writer.h"

#include <cerrno>
#include <cstring>

namespace postern {

TunWriter::TunWriter(int queueFd, const Offloads& offloads, StatBlock& stats, Write write)
    : fd_(queueFd),
      write_(write),
      merging_{offloads.tso4, offloads.tso6, offloads.uso4 && offloads.uso6},
      coalescer_(merging_),
      stats_(stats) {}

void TunWriter::add(ByteSpan packet, const PacketInfo& info, uint32_t tunnel) noexcept {
  if (coalescer_.add(packet, info, tunnel)) return;
  flush();
  coalescer_.add(packet, info, tunnel);
}

void TunWriter::flush() noexcept {
  if (coalescer_.empty()) return;
  const Coalescer::Options before = merging_;
  coalescer_.flush([this](const iovec* parts, int count, size_t packets, size_t bytes) { write(parts, count, packets, bytes); });
  if (std::memcmp(&before, &merging_, sizeof before) != 0) coalescer_.setOptions(merging_);
}

void TunWriter::write(ByteView packet) noexcept {
  VirtioNetHeader header;
  const iovec parts[2] = {{&header, sizeof header}, {const_cast<uint8_t*>(packet.data()), packet.size()}};
  write(parts, 2, 1, packet.size());
}

void TunWriter::write(const iovec* parts, int count, size_t packets, size_t bytes) noexcept {
  stats_.add(Stat::tunWrites);
  if (write_(fd_, parts, count) >= 0) {
    stats_.add(Stat::tunTxPackets, packets);
    stats_.add(Stat::tunTxBytes, bytes);
    return;
  }
  const int code = errno;
  VirtioNetHeader header;
  std::memcpy(&header, parts[0].iov_base, sizeof header);
  refused(header, code);
}

// The packets are lost, as on any full link (EIO: the device is down). EINVAL means that the kernel does not take what we
// merge of this kind: no more of it, and somebody should know.
void TunWriter::refused(const VirtioNetHeader& header, int code) noexcept {
  stats_.add(Stat::tunWriteErrors);
  if (code != EINVAL) return;
  bool* const merging = header.gsoType == kVirtioGsoTcpv4   ? &merging_.tso4
                        : header.gsoType == kVirtioGsoTcpv6 ? &merging_.tso6
                        : header.gsoType == kVirtioGsoUdpL4 ? &merging_.uso
                                                            : nullptr;
  if (merging == nullptr || !*merging) return;
  *merging = false;
  stats_.add(Stat::mergesDisabled);
}

}  // namespace postern
