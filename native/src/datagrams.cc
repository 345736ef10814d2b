#include "datagrams.h"

#include "byte_order.h"
#include "cstp.h"
#include "path_probe.h"

namespace postern {
namespace {

// Specification constants, RFC 5246 section 7.2: an alert is level and description.
constexpr uint8_t kFatal = 2, kCloseNotify = 0;
// Where the next datagram begins: no cache line is shared.
constexpr size_t aligned(size_t n) noexcept { return (n + 63) & ~size_t{63}; }

// A record that only a handshake understands: of epoch 0, or the end of a flight.
bool ofHandshake(ByteView datagram) noexcept {
  if (datagram.size() < kDtlsHeader) return false;
  const auto type = static_cast<DtlsContent>(datagram[0]);
  return load16(&datagram[3]) == 0 || type == DtlsContent::kHandshake || type == DtlsContent::kChangeCipherSpec;
}

}  // namespace

Datagrams::Datagrams(const Context& context, UdpSockets& sockets, Associations& associations, Uplink& uplink, UdpOutput& output, StatBlock& stats)
    : context_(context),
      sockets_(sockets),
      associations_(associations),
      uplink_(uplink),
      output_(output),
      stats_(stats),
      strangers_(context.shared, output, stats),
      roaming_(context.worker, context.shared, associations, stats),
      arena_(context.shared != nullptr ? new uint8_t[kBytes + kRoom] : nullptr) {}

void Datagrams::read(uint64_t sockets, uint64_t nowMs) {
  UdpArrival batch[kReads];
  size_t count = 0, left = static_cast<size_t>(__builtin_popcountll(sockets));
  for (size_t i = 0; i < sockets_.size(); ++i) {
    if ((sockets >> i & 1) == 0) continue;
    // What one socket leaves is the others'.
    const size_t reads = count + (kReads - count) / left, bytes = used_ + (kBytes - std::min(used_, kBytes)) / left;
    --left;
    while (count < reads && used_ < bytes && receiveUdp(sockets_[i], context_.kernel, arena_.get() + used_, batch[count], stats_)) {
      used_ += aligned(batch[count++].length);
    }
  }
  arrivals(batch, count, nowMs);
}

void Datagrams::arrivals(UdpArrival* all, size_t count, uint64_t nowMs) {
  DtlsChannel* channels[kReads];
  for (size_t i = 0; i < count; ++i) {
    const bool again = i != 0 && all[i].peer == all[i - 1].peer;
    channels[i] = again ? channels[i - 1] : associations_.find(all[i].peer);
    if (!again && channels[i] != nullptr) __builtin_prefetch(channels[i]->protection.get());
  }
  for (size_t i = 0; i < count; ++i) {
    if (channels[i] != nullptr) datagrams(*channels[i], all[i], nowMs);
    else stranger(all[i], nowMs);
  }
}

void Datagrams::stranger(const UdpArrival& arrival, uint64_t nowMs) {
  if (context_.inboxes.size() > 1) {
    const auto owner = context_.shared->peers.owner(arrival.peer);
    if (owner && *owner != context_.worker) return handOver(*owner, arrival);
  }
  if (roamed(arrival, nowMs)) return;
  size_t at = 0;
  do {
    const size_t length = std::min(arrival.segment, arrival.length - at);
    strangers_.meet(arrival.peer, {arrival.at + at, length}, nowMs);
    at += length;
  } while (at < arrival.length);
}

// True when it is somebody's, or may be another worker's.
bool Datagrams::roamed(const UdpArrival& arrival, uint64_t nowMs) {
  const ByteView first(arrival.at, std::min(arrival.segment, arrival.length));
  if (!Roaming::concerns(first)) return false;
  // One that came a moment ago may have moved it.
  DtlsChannel* channel = associations_.find(arrival.peer);
  std::vector<uint32_t> others;
  if (channel == nullptr) channel = roaming_.meet(arrival.peer, first, others, nowMs);
  if (channel != nullptr) datagrams(*channel, arrival, nowMs);
  for (const uint32_t worker : others) handOver(worker, arrival);
  return channel != nullptr || !others.empty();
}

void Datagrams::handOver(uint32_t worker, const UdpArrival& arrival) {
  const bool taken = context_.inboxes[worker]->push({arrival.peer, arrival.segment, Bytes(arrival.at, arrival.at + arrival.length)});
  stats_.add(taken ? Stat::udpHandedOver : Stat::udpHandOverDropped);
}

void Datagrams::readInbox(uint64_t nowMs) {
  std::vector<HandedDatagrams> taken;
  context_.inboxes[context_.worker]->take(taken);
  for (HandedDatagrams& handed : taken) {
    Bytes& bytes = kept_.emplace_back(std::move(handed.bytes));
    DtlsChannel* channel = associations_.find(handed.peer);
    const ByteView first = ByteView(bytes).first(std::min(handed.segment, bytes.size()));
    if (channel == nullptr && Roaming::concerns(first)) channel = roaming_.handed(handed.peer, first, nowMs);
    // The association has ended in between: what comes next is met where it arrives.
    if (channel != nullptr) datagrams(*channel, {handed.peer, bytes.data(), bytes.size(), handed.segment}, nowMs);
    else stats_.add(Stat::udpUnknown);
  }
}

void Datagrams::feed(DtlsChannel& channel, std::vector<Bytes>&& datagrams, uint64_t nowMs) {
  for (Bytes& early : datagrams) {
    Bytes& bytes = kept_.emplace_back(std::move(early));
    this->datagrams(channel, {channel.peer, bytes.data(), bytes.size(), bytes.size()}, nowMs);
  }
}

void Datagrams::endRound(uint64_t nowMs) {
  if (strangers_.waiting()) strangers_.serve(carried_, nowMs);
  carried_ = false;
}

void Datagrams::release() noexcept {
  used_ = 0;
  kept_.clear();
}

void Datagrams::datagrams(DtlsChannel& channel, const UdpArrival& arrival, uint64_t nowMs) {
  bool heard = false;
  for (size_t at = 0; at < arrival.length; at += arrival.segment) {
    heard |= datagram(channel, {arrival.at + at, std::min(arrival.segment, arrival.length - at)}, nowMs);
  }
  if (!heard) return;
  channel.tunnel.counters.heard(nowMs);
  channel.liveness.heard(static_cast<uint32_t>(nowMs / 1000));
  channel.tunnel.path.heard(static_cast<uint32_t>(nowMs / 1000));
}

// True when something in it was the client's.
bool Datagrams::datagram(DtlsChannel& channel, ByteSpan bytes, uint64_t nowMs) {
  if (ofHandshake(bytes)) {
    // Until the client is sure of our Finished it may repeat its last flight; later this is the beginning of another
    // handshake, or a leftover.
    strangers_.meet(channel.peer, bytes, nowMs);
    return false;
  }
  carried_ = true;
  bool heard = false;
  while (!bytes.empty()) {
    const size_t length = dtlsRecordLength(bytes);
    if (length == 0) {
      stats_.add(Stat::dtlsInvalid);
      break;
    }
    heard |= record(channel, bytes.first(length), nowMs);
    bytes = bytes.subspan(length);
  }
  return heard;
}

bool Datagrams::record(DtlsChannel& channel, ByteSpan bytes, uint64_t nowMs) {
  if (channel.ended) return false;
  ByteSpan plain;
  DtlsContent type{};
  switch (channel.protection->open(bytes, plain, type)) {
    case DtlsProtection::Opened::kData:
      break;
    case DtlsProtection::Opened::kMalformed:
      stats_.add(Stat::dtlsInvalid);
      return false;
    case DtlsProtection::Opened::kReplayed:
      stats_.add(Stat::dtlsReplayed);
      return false;
    case DtlsProtection::Opened::kForged:
      stats_.add(Stat::dtlsForged);
      return false;
    case DtlsProtection::Opened::kExhausted:
      channel.end(DtlsDownReason::kForged);
      return false;
  }
  stats_.add(Stat::dtlsRxRecords);
  if (channel.protection->worn()) channel.retire();
  if (!channel.confirmed) associations_.confirm(channel, static_cast<uint32_t>(nowMs / 1000));
  if (type == DtlsContent::kData && !plain.empty()) data(channel, plain, nowMs);
  else if (type == DtlsContent::kAlert && plain.size() == 2 && (plain[1] == kCloseNotify || plain[0] == kFatal)) channel.end(DtlsDownReason::kClosed);
  else stats_.add(Stat::dtlsInvalid);
  return true;
}

// A type byte as in CSTP, then its payload (reference protocol section 9.6).
void Datagrams::data(DtlsChannel& channel, ByteSpan plain, uint64_t nowMs) {
  Tunnel& tunnel = channel.tunnel;
  ByteSpan payload = plain.subspan(1);
  bool spoken = true;
  switch (plain[0]) {
    case cstp::kCompressed:
      payload = uplink_.expand(tunnel.dtlsCodec.get(), payload);
      spoken = !payload.empty();
      [[fallthrough]];
    case cstp::kData:
      if (!payload.empty() && uplink_.packet(tunnel, payload, nowMs)) {
        tunnel.counters.add(TunnelCounters::kDtlsRxPackets);
        tunnel.counters.add(TunnelCounters::kDtlsRxBytes, payload.size());
      }
      break;
    case cstp::kDpdReq:
      stats_.add(Stat::dpdReceived);
      if (channel.retiring) break;
      // Clients measure the path with padded probes: at full length (reference dataplane section 8, 1). They do it before
      // they look at packets.
      if (const auto nowSec = static_cast<uint32_t>(nowMs / 1000); channel.mayAnswer(nowSec)) output_.send(channel, cstp::kDpdResp, payload, nowSec);
      spoken = payload.size() < kProbe;
      if (!spoken) tunnel.path.clientProbed(payload.size());
      break;
    case cstp::kDpdResp:
      if (const auto nowSec = static_cast<uint32_t>(nowMs / 1000); &channel == tunnel.dtls.get() && tunnel.path.answered(payload.size(), nowSec)) {
        probePath(tunnel, output_, stats_, nowSec);
        channel.changed();
      }
      break;
    case cstp::kKeepalive:
      break;
    default:
      stats_.add(Stat::unknownFrames);
      spoken = false;
  }
  if (spoken && !channel.retiring) tunnel.overDtls = true;
  if (channel.trial.running()) [[unlikely]] associations_.tried(channel, plain[0] == cstp::kDpdResp);
}

}  // namespace postern
