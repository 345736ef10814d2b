// How much an AES-GCM key has been used: it has to make way long before an attacker could gain from it. Sans I/O.
#pragma once
#include <cstddef>
#include <cstdint>

namespace postern {

class KeyWear {
 public:
  // RFC 8446 section 5.5 counts 2^24.5 records of 2^14 bytes, 2^34.5 blocks in all; what counts is the blocks, so that a key may
  // protect many more records of the size of a packet.
  static constexpr uint64_t kBlocks = uint64_t{1} << 34;

  // A record with `length` bytes of plaintext: a part of a block counts as one, and so does the one that makes the tag.
  void record(size_t length) noexcept { blocks_ += length / 16 + 2; }
  bool worn() const noexcept { return blocks_ >= limit_; }
  void renewed() noexcept { blocks_ = 0; }

  // For tests: wears out sooner.
  void setLimit(uint64_t blocks) noexcept { limit_ = blocks; }

 private:
  uint64_t blocks_ = 0;
  uint64_t limit_ = kBlocks;
};

}  // namespace postern
