// Compression of the packets of one channel, both ways, where client and gateway have agreed on it (reference protocol section 8).
// Sans I/O; belongs to its tunnel's worker.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>

#include "cstp.h"
#include "deflate_stream.h"
#include "lz4.h"
#include "lzs.h"
#include "tunnel_spec.h"

namespace postern {

// What the codecs of one worker work with.
struct CodecScratch {
  lzs::Table lzs;
  lz4::Table lz4;
  uint8_t coded[cstp::kHeader + cstp::kMaxPayload];
};

class PacketCodec {
 public:
  // Specification constant: smaller packets go as they are.
  static constexpr size_t kLeast = 40;
  // Implementation constants. After kPatience packets in a row that did not shrink, kPause go as they are before the next is tried.
  static constexpr uint32_t kPatience = 8, kPause = 64;
  static constexpr size_t kLargest = 16000;
  // What a client may send is what it was told, or what clients themselves take whatever they were told.
  static constexpr size_t limit(size_t mtu) noexcept { return std::clamp<size_t>(mtu + 256, 2048, cstp::kMaxPayload); }

  // nullptr for no codec. `mtu` is the one the client was told.
  static std::unique_ptr<PacketCodec> create(Codec codec, size_t mtu, CodecScratch& scratch);

  PacketCodec(Codec codec, size_t mtu, CodecScratch& scratch);

  // The packet as it is to be sent in a frame of type kCompressed, with cstp::kHeader octets before it that may be written;
  // valid until the next call of any codec of the worker. Empty: it goes as it is. What deflate has compressed must be sent.
  ByteSpan compress(ByteView packet) noexcept;
  // Longest packet that expand() makes.
  size_t limit() const noexcept { return limit_; }
  // The packet's length, 0 when `coded` is damaged or too long. `out` holds limit().
  size_t expand(ByteView coded, ByteSpan out) noexcept;
  // After expand() has returned 0: nothing that follows can be read.
  bool stateful() const noexcept { return codec_ == Codec::kDeflate; }

 private:
  size_t encode(ByteView packet, ByteSpan out) noexcept;

  const Codec codec_;
  const size_t limit_;
  CodecScratch& scratch_;
  uint32_t misses_ = 0, pause_ = 0;
  std::optional<Deflater> deflater_;
  std::optional<Inflater> inflater_;
};

}  // namespace postern
