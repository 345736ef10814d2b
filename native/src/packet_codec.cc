#include "packet_codec.h"

#include <algorithm>

namespace postern {

static_assert(PacketCodec::kLargest + Deflater::growth(PacketCodec::kLargest) <= cstp::kMaxPayload);

std::unique_ptr<PacketCodec> PacketCodec::create(Codec codec, size_t mtu, CodecScratch& scratch) {
  return codec == Codec::kNone ? nullptr : std::make_unique<PacketCodec>(codec, mtu, scratch);
}

PacketCodec::PacketCodec(Codec codec, size_t mtu, CodecScratch& scratch) : codec_(codec), limit_(limit(mtu)), scratch_(scratch) {
  if (codec != Codec::kDeflate) return;
  deflater_.emplace();
  inflater_.emplace();
}

ByteSpan PacketCodec::compress(ByteView packet) noexcept {
  if (packet.size() < kLeast || packet.size() > kLargest) return {};
  if (pause_ != 0) {
    --pause_;
    return {};
  }
  uint8_t* const at = scratch_.coded + cstp::kHeader;
  const size_t length = encode(packet, {at, cstp::kMaxPayload});
  if (length == 0 || length >= packet.size()) {
    if (++misses_ >= kPatience) pause_ = kPause;
  } else {
    misses_ = 0;
  }
  return {at, length};
}

size_t PacketCodec::encode(ByteView packet, ByteSpan out) noexcept {
  switch (codec_) {
    case Codec::kLzs: return lzs::compress(packet, out.first(packet.size() - 1), scratch_.lzs);
    case Codec::kLz4: return lz4::compress(packet, out.first(packet.size() - 1), scratch_.lz4);
    case Codec::kDeflate: {
      const size_t length = deflater_ ? deflater_->compress(packet, out) : 0;
      if (length == 0) deflater_.reset();
      return length;
    }
    case Codec::kNone: break;
  }
  return 0;
}

size_t PacketCodec::expand(ByteView coded, ByteSpan out) noexcept {
  out = out.first(limit_);
  switch (codec_) {
    case Codec::kLzs: return lzs::expand(coded, out);
    case Codec::kLz4: return lz4::expand(coded, out);
    case Codec::kDeflate: return inflater_->expand(coded, out);
    case Codec::kNone: break;
  }
  return 0;
}

}  // namespace postern
