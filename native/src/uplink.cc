#include "uplink.h"

#include <algorithm>
#include <cstring>

#include "coarse_clock.h"
#include "flow_hash.h"
#include "mss_clamp.h"
#include "packet_filter.h"

namespace postern {
namespace {

enum class Source { kOwn, kForeign, kNoise };

// Noise is what every host says on a new link: from fe80::/10 or ::, or to a multicast group. Nobody routes it.
Source checkSource(const TunnelSpec& spec, const PacketInfo& info) noexcept {
  const auto behind = [&](const auto& source) { return spec.networks != nullptr && spec.networks->holds(source); };
  if (info.version == 4) return spec.ipv4 == info.src4 || behind(info.src4) ? Source::kOwn : Source::kForeign;
  const bool linkLocal = info.src6[0] == 0xfe && (info.src6[1] & 0xc0) == 0x80;
  if (linkLocal || info.src6 == Ipv6{} || info.dst6[0] == 0xff) return Source::kNoise;
  return spec.ipv6 == info.src6 || behind(info.src6) ? Source::kOwn : Source::kForeign;
}

}  // namespace

Uplink::Uplink(TunWriter& tun, const Router& router, Askers& askers, StatBlock& stats) : tun_(tun), router_(router), askers_(askers), stats_(stats), arena_(new uint8_t[kArena]) {}

ByteSpan Uplink::room() noexcept {
  if (kArena - used_ < 2 * kRecord) flush();
  return {arena_.get() + used_, kRecord};
}

void Uplink::flush() noexcept {
  tun_.flush();
  used_ = expandedUsed_ = 0;
}

Uplink::Outcome Uplink::read(Tunnel& tunnel, uint64_t nowMs, size_t budget) {
  tunnel.channel.expectMore();
  const Outcome outcome = readBurst(tunnel, nowMs, budget);
  tunnel.channel.park();
  return outcome;
}

Uplink::Outcome Uplink::readBurst(Tunnel& tunnel, uint64_t nowMs, size_t budget) {
  size_t length = 0;
  for (taken_ = 0; taken_ < budget || tunnel.channel.staged(); taken_ += length + kRecordCost) {
    if (tunnel.congested()) return Outcome::kDrained;  // its frames ask for answers that it does not read
    const ByteSpan into = room();
    switch (tunnel.channel.read(into, length)) {
      case TlsChannel::Read::kData: break;
      case TlsChannel::Read::kNothing:
        length = kRecord;  // a change of keys costs about as much
        if (taken_ + length >= budget) return taken_ += length, Outcome::kMore;
        continue;
      case TlsChannel::Read::kWait: tunnel.channel.releaseBuffers(); return Outcome::kDrained;
      case TlsChannel::Read::kEof: return down(TunnelDownReason::kEof);
      case TlsChannel::Read::kError: return down(TunnelDownReason::kTls);
    }
    used_ += length;
    if (parse(tunnel, into.first(length), nowMs) == Outcome::kDown) return Outcome::kDown;
  }
  return Outcome::kMore;
}

Uplink::Outcome Uplink::feed(Tunnel& tunnel, ByteView early, uint64_t nowMs) {
  while (!early.empty()) {
    const ByteSpan into = room().first(std::min(early.size(), kRecord));
    std::memcpy(into.data(), early.data(), into.size());
    used_ += into.size();
    early = early.subspan(into.size());
    if (parse(tunnel, into, nowMs) == Outcome::kDown) return Outcome::kDown;
  }
  return Outcome::kDrained;
}

Uplink::Outcome Uplink::parse(Tunnel& tunnel, ByteView bytes, uint64_t nowMs) {
  tunnel.heard(nowMs);
  bool open = true;
  const bool sound = tunnel.framer.feed(bytes, [&](const cstp::Frame& f) { return open = frame(tunnel, f, nowMs); });
  if (!sound) {
    stats_.add(Stat::cstpFrameErrors);
    return down(TunnelDownReason::kFrame);
  }
  return open ? Outcome::kDrained : Outcome::kDown;
}

// False ends the tunnel.
bool Uplink::frame(Tunnel& tunnel, const cstp::Frame& frame, uint64_t nowMs) {
  stats_.add(Stat::cstpRxFrames);
  switch (frame.type) {
    case cstp::kData:
      if (frame.payload.empty()) return true;
      tunnel.overDtls = false;  // the client has fallen back: a probe or a keepalive alone would not say so
      packet(tunnel, keep(frame.payload), nowMs);
      return true;
    case cstp::kDpdReq:
      stats_.add(Stat::dpdReceived);
      // At full length: clients measure the path with padded probes (reference dataplane section 8, 1).
      if (tunnel.control(cstp::kDpdResp, frame.payload)) tunnel.liveness.sent(static_cast<uint32_t>(nowMs / 1000));
      return true;
    case cstp::kDpdResp:
    case cstp::kKeepalive:
      return true;
    case cstp::kCompressed: {
      const ByteSpan expanded = expand(tunnel.cstpCodec.get(), frame.payload);
      if (!expanded.empty()) {
        tunnel.overDtls = false;
        packet(tunnel, expanded, nowMs);
      } else if (tunnel.cstpCodec != nullptr && tunnel.cstpCodec->stateful()) {
        stats_.add(Stat::cstpFrameErrors);
        down(TunnelDownReason::kFrame);
        return false;
      }
      return true;
    }
    case cstp::kDisconnect: {
      const ByteView payload = frame.payload.first(std::min(frame.payload.size(), kDetail));
      down(TunnelDownReason::kPeerDisconnect);
      detail_.assign(payload.begin(), payload.end());
      return false;
    }
    default:
      stats_.add(Stat::unknownFrames);
      return true;
  }
}

// The payload of a frame where it may stay until flush().
ByteSpan Uplink::keep(ByteView payload) {
  uint8_t* at = const_cast<uint8_t*>(payload.data());  // the arena is ours to write
  if (at < arena_.get() || at >= arena_.get() + used_) {
    at = arena_.get() + used_;  // reassembled by the framer, which will reuse its buffer
    std::memcpy(at, payload.data(), payload.size());
    used_ += payload.size();
  }
  return {at, payload.size()};
}

ByteSpan Uplink::expand(PacketCodec* codec, ByteView coded) {
  size_t length = 0;
  uint8_t* at = nullptr;
  if (codec != nullptr) {
    if (expanded_ == nullptr) expanded_.reset(new uint8_t[kExpanded]);
    if (kExpanded - expandedUsed_ < codec->limit()) {
      tun_.flush();  // not flush(): `coded` may lie in the arena
      expandedUsed_ = 0;
    }
    at = expanded_.get() + expandedUsed_;
    length = codec->expand(coded, {at, codec->limit()});
  }
  stats_.add(length != 0 ? Stat::decompressed : Stat::decompressFailures);
  expandedUsed_ += length;
  return {at, length};
}

bool Uplink::packet(Tunnel& tunnel, ByteSpan packet, uint64_t nowMs) {
  PacketInfo info;
  const bool sound = parsePacket(packet, info);
  const Source source = sound ? checkSource(tunnel.spec, info) : Source::kNoise;
  if (source != Source::kOwn) {
    const bool spoofed = source == Source::kForeign;
    tunnel.counters.add(spoofed ? TunnelCounters::kRxSpoofed : TunnelCounters::kRxInvalid);
    stats_.add(spoofed ? Stat::rxSpoofed : Stat::rxInvalid);
    return false;
  }
  tunnel.counters.add(TunnelCounters::kRxPackets);
  tunnel.counters.add(TunnelCounters::kRxBytes, packet.size());
  tunnel.counters.payload(nowMs);
  askers_.packet(tunnel.id, tunnel.packetMs, nowMs);
  if (tunnel.spec.filter != nullptr && !passes(*tunnel.spec.filter, packet, info)) [[unlikely]] {
    stats_.add(Stat::filtered);
    return true;
  }
  if (isTcpSyn(packet) && clampMss(packet, tunnel.pathMtu(info.version))) stats_.add(Stat::mssClamped);
  if (tunnel.shapers != nullptr && held(tunnel, packet)) [[unlikely]] return true;
  tun_.add(packet, info, tunnel.id);
  return true;
}

bool Uplink::passes(const PacketFilter& filter, ByteView packet, const PacketInfo& info) const noexcept {
  if (!filter.fromClient(packet, info)) return false;
  return !filter.apart() || (info.version == 4 ? router_.find(info.dst4) : router_.find(info.dst6)).tunnel == 0;
}

bool Uplink::held(Tunnel& tunnel, ByteView packet) {
  FrameQueue::Losses losses;
  uint8_t* const at = tunnel.shapers->up.hold(packet.size(), flowHash(packet), exactUs(), tunnel.pool(), losses);
  if (at == nullptr) return false;
  std::memcpy(at, packet.data(), packet.size());
  stats_.add(Stat::rxDropped, losses.dropped + losses.late);
  return true;
}

void Uplink::serve(ShaperLine& line, TunnelSet& tunnels, BufferPool& pool) {
  line.serve(
      exactUs(), pool,
      [&](uint32_t id) {
        Tunnel* const tunnel = tunnels.find(id);
        return tunnel == nullptr || tunnel->state != Tunnel::State::kOpen || tunnel->shapers == nullptr ? nullptr : &tunnel->shapers->up;
      },
      [&](uint32_t id, ByteView frame) {
        const ByteView waited = frame.subspan(cstp::kHeader);
        const ByteSpan packet = room().first(waited.size());
        std::memcpy(packet.data(), waited.data(), waited.size());
        used_ += packet.size();
        PacketInfo info;
        if (parsePacket(packet, info)) tun_.add(packet, info, id);
      },
      [&](uint32_t, const FrameQueue::Losses& losses) { stats_.add(Stat::rxDropped, losses.dropped + losses.late); });
}

Uplink::Outcome Uplink::down(TunnelDownReason reason) {
  reason_ = reason;
  detail_.clear();
  return Outcome::kDown;
}

}  // namespace postern
