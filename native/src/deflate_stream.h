// Raw deflate of a tunnel, one stream each way for as long as the tunnel lasts: what a packet became depends on all before it
// (reference protocol section 8). Behind each packet the flush marker stays, and the Adler-32 of all bytes so far follows. By zlib,
// the one that node itself uses. Sans I/O; one owner.
#pragma once
#include <zlib.h>

#include "bytes.h"

namespace postern {

// Specification constants.
inline constexpr int kDeflateWindowBits = -12;  // raw
inline constexpr size_t kDeflateTrailer = 4;    // Adler-32, big endian

class Deflater {
 public:
  // Implementation constant: what a packet may grow by, when nothing in it repeats.
  static constexpr size_t growth(size_t length) noexcept { return length / 512 + 64; }

  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // The stream has moved on: the result must be sent. `out` has room for packet.size() + growth(). Returns its length; 0 when the
  // stream is of no use any more, and nothing may be compressed in this tunnel again.
  size_t compress(ByteView packet, ByteSpan out) noexcept;

 private:
  z_stream stream_{};
  uLong sum_ = 1;
};

class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Returns the packet's length; 0 when the stream is out of step: nothing that follows can be read.
  size_t expand(ByteView coded, ByteSpan out) noexcept;

 private:
  z_stream stream_{};
  uLong sum_ = 1;
};

}  // namespace postern
