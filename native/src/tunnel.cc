#include "tunnel.h"

#include <openssl/crypto.h>

#include <algorithm>

namespace postern {

Tunnel::Tunnel(uint32_t tunnel, const TunnelSpec& tunnelSpec, int fd, SSL* ssl, TlsOutput& output, uint64_t nowMs)
    : id(tunnel),
      spec(tunnelSpec),
      liveness(static_cast<uint32_t>(nowMs / 1000)),
      counters(nowMs),
      channel(fd, ssl, output, *this),
      output_(output) {}

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
    size_t lost = 0;
    at = waiting_.reserve(cstp::kHeader + length, output_.pool, lost);
    if (lost != 0) dropped(lost);
  }
  cstp::writeHeader(at, cstp::kData, static_cast<uint16_t>(length));
  return at + cstp::kHeader;
}

void Tunnel::send(size_t length) {
  if (!waits()) encrypt(ByteView(output_.scratch).first(cstp::kHeader + length));
}

void Tunnel::encrypt(ByteView frame) {
  if (!channel.write(frame)) return;
  counters.add(TunnelCounters::kTxPackets);
  counters.add(TunnelCounters::kTxBytes, frame.size() - cstp::kHeader);
  output_.stats.add(Stat::cstpTxFrames);
}

void Tunnel::pump() {
  constexpr size_t kBurst = 65536;
  while (!channel.blocked() && !channel.broken() && !waiting_.empty()) {
    for (size_t bytes = 0; bytes < kBurst && !waiting_.empty(); waiting_.pop(output_.pool)) {
      const ByteView frame = waiting_.front();
      bytes += frame.size();
      encrypt(frame);
    }
    channel.flush();
  }
}

void Tunnel::dropped(size_t frames) {
  counters.add(TunnelCounters::kTxDropped, frames);
  output_.stats.add(Stat::txDropped, frames);
}

}  // namespace postern
