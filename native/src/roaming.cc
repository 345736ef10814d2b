#include "roaming.h"

#include <algorithm>

#include "byte_order.h"

namespace postern {

bool Roaming::concerns(ByteView datagram) noexcept {
  return dtlsRecordLength(datagram) != 0 && static_cast<DtlsContent>(datagram[0]) == DtlsContent::kData && load16(&datagram[3]) == 1;
}

DtlsChannel* Roaming::meet(const UdpPeer& peer, ByteView datagram, std::vector<uint32_t>& others, uint64_t nowMs) {
  const auto candidates = shared_->sources.tried(peer, nowMs);
  if (candidates.empty()) return nullptr;
  if (DtlsChannel* channel = follow(candidates, peer, datagram, nowMs)) return channel;
  for (const auto& candidate : candidates) {
    const bool known = candidate.worker == worker_ || std::find(others.begin(), others.end(), candidate.worker) != others.end();
    if (!known) others.push_back(candidate.worker);
  }
  return nullptr;
}

DtlsChannel* Roaming::handed(const UdpPeer& peer, ByteView datagram, uint64_t nowMs) {
  return follow(shared_->sources.of(peer), peer, datagram, nowMs);
}

DtlsChannel* Roaming::follow(const std::vector<ChannelSources::Channel>& candidates, const UdpPeer& peer, ByteView datagram, uint64_t nowMs) {
  const ByteView record = datagram.first(dtlsRecordLength(datagram));
  bool met = false;
  for (const auto& candidate : candidates) {
    DtlsChannel* const channel = candidate.worker == worker_ ? associations_.find(candidate.peer) : nullptr;
    if (channel == nullptr || !channel->confirmed || channel->ended || channel->retiring) continue;
    met = true;
    if (!channel->tunnel.spec.roaming || (channel->roamedMs != 0 && nowMs < channel->roamedMs + kGapMs) || !mayOpen(nowMs)) continue;
    if (!channel->protection->newer(record)) continue;
    associations_.move(*channel, peer, nowMs);
    return channel;
  }
  if (met) stats_.add(Stat::dtlsRoamingRefused);
  return nullptr;
}

bool Roaming::mayOpen(uint64_t nowMs) noexcept {
  if (second_ != nowMs / 1000) {
    second_ = nowMs / 1000;
    opens_ = 0;
  }
  return opens_++ < kOpens;
}

}  // namespace postern
