// The framer: any cut of a stream gives the frames of the whole. Input: a seed for the cuts, then the stream.
#include <cstdlib>
#include <utility>

#include "cstp.h"

using namespace postern;

namespace {
struct Result {
  std::vector<std::pair<uint8_t, Bytes>> frames;
  cstp::Framer::Error error;
  size_t buffered;
  bool operator==(const Result&) const = default;
};

// Pieces in blocks of their own, so that the sanitizer sees a read beyond one.
Result run(ByteView stream, uint32_t seed) {
  cstp::Framer framer;
  Result result;
  for (bool ok = true; ok && !stream.empty();) {
    seed = seed * 1664525 + 1013904223;
    const size_t n = std::min<size_t>(stream.size(), seed >> 24 & 31);
    const Bytes piece(stream.begin(), stream.begin() + static_cast<ptrdiff_t>(n));
    ok = framer.feed(piece, [&](const cstp::Frame& f) {
      result.frames.emplace_back(f.type, Bytes(f.payload.begin(), f.payload.end()));
      return true;
    });
    if (ok != (framer.error() == cstp::Framer::Error::kNone)) std::abort();
    if (framer.buffered() >= cstp::kHeader + cstp::kMaxPayload) std::abort();
    stream = stream.subspan(n);
  }
  result.error = framer.error();
  result.buffered = result.error == cstp::Framer::Error::kNone ? framer.buffered() : 0;
  return result;
}

Result whole(ByteView stream) {
  cstp::Framer framer;
  Result result;
  framer.feed(stream, [&](const cstp::Frame& f) {
    result.frames.emplace_back(f.type, Bytes(f.payload.begin(), f.payload.end()));
    return true;
  });
  result.error = framer.error();
  result.buffered = result.error == cstp::Framer::Error::kNone ? framer.buffered() : 0;
  return result;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteView stream(data + 1, size - 1);
  if (!(run(stream, data[0]) == whole(stream))) std::abort();
  return 0;
}
