#include "downlink.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "byte_order.h"
#include "coarse_clock.h"
#include "flow_hash.h"
#include "fragment.h"
#include "mss_clamp.h"
#include "packet_filter.h"

namespace postern {

Downlink::Downlink(const Context& context, TunnelSet& tunnels, TunWriter& tun, TlsOutput& output, UdpOutput& udp, Askers& askers)
    : context_(context), tunnels_(tunnels), tun_(tun), output_(output), udp_(udp), askers_(askers), buffer_(new uint8_t[kPacket + 64]) {}

bool Downlink::readQueue(uint64_t nowMs, size_t most) {
  uint8_t* at = buffer_.get() + 6;  // the packet behind the 10-byte header is aligned
  size_t sum = 0;
  for (int i = 0; i < kReads && sum < most; ++i) {
    const ssize_t n = ::read(context_.queueFd, at, sizeof(VirtioNetHeader) + kPacket);
    if (n < 0 && errno == EBADFD) return false;
    if (n <= static_cast<ssize_t>(sizeof(VirtioNetHeader))) return true;  // EAGAIN: drained
    VirtioNetHeader header;
    std::memcpy(&header, at, sizeof header);
    const ByteView bytes(at + sizeof header, static_cast<size_t>(n) - sizeof header);
    output_.stats.add(Stat::tunReads);
    output_.stats.add(Stat::tunRxBytes, bytes.size());
    sum += bytes.size();
    packet(header, bytes, nowMs);
  }
  return true;
}

void Downlink::readInbox(uint64_t nowMs) {
  context_.inboxes[context_.worker]->take(handed_);
  for (const HandedPacket& handed : handed_) packet(handed.header, handed.packet, nowMs);
  handed_.clear();
}

void Downlink::packet(const VirtioNetHeader& header, ByteView bytes, uint64_t nowMs) {
  PacketInfo info;
  if (!destination(bytes, info)) {
    output_.stats.add(Stat::noRoute);
    return;
  }
  const Route route = info.version == 4 ? context_.table.router().find(info.dst4) : context_.table.router().find(info.dst6);
  if (route.tunnel != 0 && route.worker != context_.worker) return handOver(route.worker, header, bytes);
  Tunnel* tunnel = route.tunnel == 0 ? nullptr : tunnels_.find(route.tunnel);
  if (tunnel == nullptr || tunnel->state != Tunnel::State::kOpen) {
    if (!parked_.keep(route.tunnel, header, bytes)) output_.stats.add(Stat::noRoute);
    return;
  }
  deliver(*tunnel, header, bytes, info, nowMs);
}

void Downlink::settleParked(uint64_t nowMs) {
  const size_t lost = parked_.settle(
      nowMs,
      [this](uint32_t tunnel, const TunnelSpec& spec) {
        const Router& router = context_.table.router();
        const uint32_t now = (spec.ipv4 ? router.find(*spec.ipv4) : router.find(*spec.ipv6)).tunnel;
        if (now == tunnel) return ParkedPackets::Successor::kNone;
        return context_.table.follows(now, tunnel) ? ParkedPackets::Successor::kSameClient : ParkedPackets::Successor::kStranger;
      },
      [&](const HandedPacket& parked) { packet(parked.header, parked.packet, nowMs); },
      [this](uint32_t tunnel, const TunnelSpec& spec) { context_.table.unroute(tunnel, spec); });
  output_.stats.add(Stat::noRoute, lost);
}

void Downlink::deliver(Tunnel& tunnel, const VirtioNetHeader& header, ByteView bytes, const PacketInfo& info, uint64_t nowMs) {
  const auto nowSec = static_cast<uint32_t>(nowMs / 1000);
  if (tunnel.spec.filter != nullptr && !passes(*tunnel.spec.filter, bytes)) [[unlikely]] {
    output_.stats.add(Stat::filtered);
    return;
  }
  askers_.packet(tunnel.id, tunnel.packetMs, nowMs);
  SegmentPlan plan;
  if (!planSegments(header, bytes, plan)) {
    output_.stats.add(Stat::txDropped);
    return;
  }
  output_.stats.add(Stat::tunRxPackets, plan.count);
  const size_t longest = segmentLength(plan, bytes, 0);
  const uint16_t fits = tunnel.overDtls ? tunnel.pathMtu(info.version) : tunnel.mtu();
  if (longest > fits && mayFragment(bytes, info)) {
    fragment(tunnel, plan, bytes, fits, nowSec);
  } else {
    if (longest > fits) tooBig(bytes, info, fits, nowMs);
    if (longest > tunnel.mtu()) return;
    // Until its sender heeds the path's MTU the TLS channel carries it: nothing is lost.
    const bool syn = plan.gsoSize == 0 && isTcpSyn(bytes);
    for (size_t i = 0; i < plan.count; ++i) {
      const size_t length = segmentLength(plan, bytes, i);
      send(tunnel, bytes, length, nowSec, [&](uint8_t* into) {
        writeSegment(plan, bytes, i, into);
        if (syn && clampMss({into, length}, tunnel.pathMtu(info.version))) output_.stats.add(Stat::mssClamped);
      });
    }
  }
  if (output_.collected.size() >= kBurst) output_.owner->flush();
}

bool Downlink::passes(const PacketFilter& filter, ByteView packet) const noexcept {
  if (!filter.toClient(packet)) return false;
  if (!filter.apart()) return true;
  const Router& router = context_.table.router();
  if (packet[0] >> 4 == 4) return router.find(load32(&packet[12])).tunnel == 0;
  Ipv6 source;
  std::copy_n(&packet[8], source.size(), source.begin());
  return router.find(source).tunnel == 0;
}

// One packet of `length` bytes, which write(uint8_t*) puts where it is asked to. `from`: what it is cut from.
template <typename Write>
void Downlink::send(Tunnel& tunnel, ByteView from, size_t length, uint32_t nowSec, Write&& write) {
  if (tunnel.shapers != nullptr) [[unlikely]] {
    FrameQueue::Losses losses;
    uint8_t* const at = tunnel.shapers->down.hold(length, flowHash(from), exactUs(), output_.pool, losses);
    if (at != nullptr) {
      write(at);
      return tunnel.lost(losses);
    }
  }
  carry(tunnel, length, nowSec, write);
}

// Where the client spoke last.
template <typename Write>
void Downlink::carry(Tunnel& tunnel, size_t length, uint32_t nowSec, Write&& write) {
  DtlsChannel* const dtls = tunnel.overDtls ? tunnel.dtls.get() : nullptr;
  if (dtls != nullptr && !dtls->ended && tunnel.path.carries(length)) {
    uint8_t* const at = udp_.reserve(*dtls, length);
    write(at);
    const ByteView coded = tunnel.dtlsCodec == nullptr ? ByteView() : tunnel.dtlsCodec->compress({at, length});
    if (tunnel.path.sent(coded.empty() ? length : coded.size(), nowSec)) dtls->changed();
    if (coded.empty()) [[likely]] return udp_.send(*dtls, cstp::kData, length, nowSec);
    output_.stats.add(Stat::compressed);
    std::copy(coded.begin(), coded.end(), at);
    udp_.send(*dtls, cstp::kCompressed, coded.size(), nowSec, length);
  } else {
    write(tunnel.reserve(length));
    tunnel.send(length);
    tunnel.liveness.sent(nowSec);
  }
}

void Downlink::serve(ShaperLine& line, uint64_t nowMs) {
  const auto nowSec = static_cast<uint32_t>(nowMs / 1000);
  const auto open = [this](uint32_t id) {
    Tunnel* const tunnel = tunnels_.find(id);
    return tunnel == nullptr || tunnel->state != Tunnel::State::kOpen || tunnel->shapers == nullptr ? nullptr : tunnel;
  };
  line.serve(
      exactUs(), output_.pool,
      [&](uint32_t id) {
        Tunnel* const tunnel = open(id);
        return tunnel == nullptr ? nullptr : &tunnel->shapers->down;
      },
      [&](uint32_t id, ByteView frame) {
        const ByteView packet = frame.subspan(cstp::kHeader);
        carry(*open(id), packet.size(), nowSec, [&](uint8_t* into) { std::copy(packet.begin(), packet.end(), into); });
        if (output_.collected.size() >= kBurst) output_.owner->flush();
      },
      [&](uint32_t id, const FrameQueue::Losses& losses) { open(id)->lost(losses); });
}

void Downlink::fragment(Tunnel& tunnel, const SegmentPlan& plan, ByteView bytes, uint16_t mtu, uint32_t nowSec) {
  for (size_t i = 0; i < plan.count; ++i) {
    whole_.resize(segmentLength(plan, bytes, i));
    writeSegment(plan, bytes, i, whole_.data());
    if (whole_.size() <= mtu) {  // the last of a super-packet
      send(tunnel, whole_, whole_.size(), nowSec, [&](uint8_t* into) { std::copy(whole_.begin(), whole_.end(), into); });
      continue;
    }
    const FragmentPlan fragments = planFragments(whole_, mtu);
    for (size_t k = 0; k < fragments.count; ++k) {
      send(tunnel, whole_, fragmentLength(fragments, whole_, k), nowSec, [&](uint8_t* into) { writeFragment(fragments, whole_, k, into); });
    }
  }
}

void Downlink::handOver(uint32_t worker, const VirtioNetHeader& header, ByteView bytes) {
  const bool taken = context_.inboxes[worker]->push({header, Bytes(bytes.begin(), bytes.end())});
  output_.stats.add(taken ? Stat::handedOver : Stat::handOverDropped);
}

// The answer comes from the client's address: the kernel would take one of its own addresses, arriving from a device, for
// a forgery ("martian source").
void Downlink::tooBig(ByteView bytes, const PacketInfo& info, uint16_t mtu, uint64_t nowMs) {
  output_.stats.add(Stat::tooBig);
  if (nowMs / 1000 != tooBigSecond_) {
    tooBigSecond_ = nowMs / 1000;
    tooBigSent_ = 0;
  }
  if (++tooBigSent_ > kTooBigPerSecond) return;
  uint8_t answer[1280];
  const size_t length = buildTooBig(bytes, mtu, info.dst4, info.dst6, answer);
  if (length != 0) tun_.write({answer, length});
}

}  // namespace postern
