// Client -> TUN: neighbouring segments of one flow merged into a super-packet with a virtio header
// (reference dataplane section 4, "merge"). Works on one batch; nothing is kept for a later one.
#pragma once
#include "virtio.h"
#include <sys/uio.h>

#include "packet.h"

namespace postern {

class Coalescer {
 public:
  struct Options {
    bool tso4 = false, tso6 = false, uso = false;  // what the TUN device accepts
  };
  explicit Coalescer(Options options);
  void setOptions(Options options) noexcept;
  // Takes a whole inner IP packet (already parsed and source-checked). `packet` stays valid and writable until flush():
  // the first packet's headers are rewritten in place when a run grows. False when the batch is full: flush first.
  bool add(ByteSpan packet, const PacketInfo& info, uint32_t tunnel) noexcept;
  // Calls write(const iovec* parts, int count, size_t packets, size_t bytes) once for each run, in the order of first
  // packets; parts[0] is the virtio header (10 bytes), which `bytes` does not count. Afterwards the coalescer is empty.
  template <typename Write>
  void flush(Write&& write);
  bool empty() const noexcept { return runs_ == 0; }

  // Implementation constants.
  static constexpr size_t kMaxRuns = 128;
  static constexpr size_t kMaxParts = 64;     // packets in one run
  static constexpr size_t kSearch = 8;        // open runs looked at, backwards
  static constexpr size_t kMaxBytes = 65535;

 private:
  struct Run;
  struct Batch;
  void finish(Run& run) noexcept;  // virtio header, IP length and checksum, pseudo-header sum
  Batch* batch_;
  size_t runs_ = 0;
  Options options_;

 public:
  ~Coalescer();
  Coalescer(const Coalescer&) = delete;
  Coalescer& operator=(const Coalescer&) = delete;
  // For flush(), which is a template: run i ready for writing.
  struct Ready {
    const iovec* parts;
    int count;
    size_t packets;
    size_t bytes;
  };
  Ready ready(size_t i) noexcept;
  void clear() noexcept;
};

template <typename Write>
void Coalescer::flush(Write&& write) {
  for (size_t i = 0; i < runs_; ++i) {
    const Ready r = ready(i);
    write(r.parts, r.count, r.packets, r.bytes);
  }
  clear();
}

}  // namespace postern
