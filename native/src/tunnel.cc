#include "tunnel.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "coarse_clock.h"

namespace postern {

Tunnel::Tunnel(uint32_t tunnel, const TunnelSpec& tunnelSpec, int fd, SSL* ssl, TlsOutput& output, uint64_t nowMs)
    : id(tunnel),
      spec(tunnelSpec),
      liveness(static_cast<uint32_t>(nowMs / 1000)),
      keysSinceSec(static_cast<uint32_t>(nowMs / 1000)),
      counters(nowMs),
      channel(fd, ssl, output, *this),
      path(mtu()),
      toldMtu(path.mtu()),
      output_(output) {
  if (spec.cstpCodec != Codec::kNone || spec.dtlsCodec != Codec::kNone) [[unlikely]] {
    if (output.codecs == nullptr) output.codecs = std::make_unique<CodecScratch>();
    cstpCodec = PacketCodec::create(spec.cstpCodec, spec.mtu, *output.codecs);
    dtlsCodec = PacketCodec::create(spec.dtlsCodec, spec.mtu, *output.codecs);
  }
}

Tunnel::~Tunnel() { OPENSSL_cleanse(psk.data(), psk.size()); }

bool Tunnel::control(cstp::Type type, ByteView payload) {
  if (congested()) return false;
  Bytes& frame = output_.scratch;
  cstp::writeHeader(frame.data(), type, static_cast<uint16_t>(payload.size()));
  std::copy(payload.begin(), payload.end(), frame.begin() + cstp::kHeader);
  output_.stats.add(Stat::cstpTxFrames);
  return channel.write(ByteView(frame).first(cstp::kHeader + payload.size()));
}

uint8_t* Tunnel::reserve(size_t length) {
  uint8_t* at = output_.scratch.data();
  if (waits()) {
    FrameQueue::Losses losses;
    at = waiting_.reserve(cstp::kHeader + length, exactUs(), output_.pool, losses);
    lost(losses);
  }
  cstp::writeHeader(at, cstp::kData, static_cast<uint16_t>(length));
  return at + cstp::kHeader;
}

void Tunnel::send(size_t length) {
  if (!waits()) encrypt(ByteView(output_.scratch).first(cstp::kHeader + length));
}

// Only now is a packet compressed: one that is dropped while it waits must not be missing in the stream of a codec that has one.
void Tunnel::encrypt(ByteView frame) {
  const size_t packet = frame.size() - cstp::kHeader;
  if (cstpCodec != nullptr) [[unlikely]] frame = compressed(frame);
  if (!channel.write(frame)) return;
  counters.add(TunnelCounters::kTxPackets);
  counters.add(TunnelCounters::kTxBytes, packet);
  output_.stats.add(Stat::cstpTxFrames);
}

ByteView Tunnel::compressed(ByteView frame) {
  const ByteSpan coded = cstpCodec->compress(frame.subspan(cstp::kHeader));
  if (coded.empty()) return frame;
  output_.stats.add(Stat::compressed);
  uint8_t* const header = coded.data() - cstp::kHeader;
  cstp::writeHeader(header, cstp::kCompressed, static_cast<uint16_t>(coded.size()));
  return {header, cstp::kHeader + coded.size()};
}

void Tunnel::pump() {
  constexpr size_t kBurst = 65536;
  while (!channel.blocked() && !channel.broken() && !waiting_.empty()) {
    FrameQueue::Losses losses;
    const uint64_t nowUs = exactUs();
    for (size_t bytes = 0; bytes < kBurst; waiting_.pop(output_.pool)) {
      const ByteView frame = waiting_.next(nowUs, output_.pool, losses);
      if (frame.empty()) break;
      bytes += frame.size();
      encrypt(frame);
    }
    lost(losses);
    channel.flush();
  }
}

void Tunnel::lost(const FrameQueue::Losses& losses) {
  if (const size_t frames = losses.dropped + losses.late; frames != 0) {
    counters.add(TunnelCounters::kTxDropped, frames);
    output_.stats.add(Stat::txDropped, frames);
  }
  if (losses.late != 0) output_.stats.add(Stat::codelDropped, losses.late);
  if (losses.marked != 0) output_.stats.add(Stat::codelMarked, losses.marked);
}

}  // namespace postern
