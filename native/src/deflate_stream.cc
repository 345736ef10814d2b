#include "deflate_stream.h"

#include <new>

#include "byte_order.h"

namespace postern {
namespace {

// zlib does not write to its input.
Bytef* input(ByteView bytes) noexcept { return const_cast<Bytef*>(bytes.data()); }

}  // namespace

// The fastest level. 2,048 symbols before a block ends: a packet is one block.
Deflater::Deflater() {
  constexpr int kMemLevel = 5;
  if (deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, kDeflateWindowBits, kMemLevel, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
}

Deflater::~Deflater() { deflateEnd(&stream_); }

size_t Deflater::compress(ByteView packet, ByteSpan out) noexcept {
  if (out.size() < packet.size() + growth(packet.size())) return 0;
  stream_.next_in = input(packet);
  stream_.avail_in = static_cast<uInt>(packet.size());
  stream_.next_out = out.data();
  stream_.avail_out = static_cast<uInt>(out.size() - kDeflateTrailer);
  // Room left over is the sign that the flush is complete.
  if (deflate(&stream_, Z_SYNC_FLUSH) != Z_OK || stream_.avail_in != 0 || stream_.avail_out == 0) return 0;
  sum_ = adler32(sum_, packet.data(), static_cast<uInt>(packet.size()));
  store32(stream_.next_out, static_cast<uint32_t>(sum_));
  return static_cast<size_t>(stream_.next_out - out.data()) + kDeflateTrailer;
}

Inflater::Inflater() {
  if (inflateInit2(&stream_, kDeflateWindowBits) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() { inflateEnd(&stream_); }

size_t Inflater::expand(ByteView coded, ByteSpan out) noexcept {
  if (coded.size() <= kDeflateTrailer) return 0;
  stream_.next_in = input(coded);
  stream_.avail_in = static_cast<uInt>(coded.size() - kDeflateTrailer);
  stream_.next_out = out.data();
  stream_.avail_out = static_cast<uInt>(out.size());
  if (inflate(&stream_, Z_SYNC_FLUSH) != Z_OK || stream_.avail_in != 0) return 0;
  const size_t length = out.size() - stream_.avail_out;
  sum_ = adler32(sum_, out.data(), static_cast<uInt>(length));
  return sum_ == load32(&coded[coded.size() - kDeflateTrailer]) ? length : 0;
}

}  // namespace postern
