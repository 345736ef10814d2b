#include "udp_output.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cstp.h"
#include "tunnel.h"

namespace postern {
namespace {

// Specification constants, RFC 791, RFC 8200, RFC 768: IP and UDP.
constexpr size_t kHeaders4 = 20 + 8, kHeaders6 = 40 + 8;

// The socket or the device behind it has no room, so the sender of the packet has to slow down; or an ICMP error for
// another datagram is told here.
bool passing(int code) noexcept {
  return code == EAGAIN || code == EWOULDBLOCK || code == ENOBUFS || code == ENOMEM || code == ECONNREFUSED;
}

}  // namespace

UdpOutput::UdpOutput(UdpSockets& sockets, UdpKernel& kernel, StatBlock& stats)
    : sockets_(sockets), kernel_(kernel), stats_(stats), buffer_(new uint8_t[kBuffer]) {}

// May a record of `length` bytes follow those of the open run?
bool UdpOutput::follows(const DtlsChannel& to, size_t length) const noexcept {
  return count_ == 0 || (channel_ == &to && !closed_ && length <= segment_ && count_ < kMaxSegments && used_ - start_ + length <= kMaxBytes);
}

uint8_t* UdpOutput::reserve(DtlsChannel& to, size_t length) noexcept {
  const size_t most = length + 1 + to.overhead;
  if (!follows(to, most) || used_ + most > kBuffer) flush();  // in most cases, and then the next run begins at the front
  return buffer_.get() + used_ + to.prefix + 1;
}

void UdpOutput::send(DtlsChannel& to, uint8_t type, size_t length, uint32_t nowSec, size_t packet) noexcept {
  uint8_t* const record = buffer_.get() + used_;
  record[to.prefix] = type;
  const size_t n = to.protection->seal(record, DtlsContent::kData, length + 1);
  if (n == 0) return to.end(DtlsDownReason::kForged);  // the key is used up
  if (to.protection->worn()) to.retire();
  if (!follows(to, n)) sendRun();  // shorter than it might have been
  if (count_ == 0) {
    channel_ = &to;
    segment_ = n;
  }
  closed_ = n < segment_;
  used_ += n;
  ++count_;
  nowSec_ = nowSec;
  to.liveness.sent(nowSec);
  if (type == cstp::kData || type == cstp::kCompressed) {
    ++packets_;
    payload_ += packet != 0 ? packet : length;
  }
  stats_.add(Stat::dtlsTxRecords);
}

void UdpOutput::send(DtlsChannel& to, uint8_t type, ByteView payload, uint32_t nowSec) noexcept {
  std::copy(payload.begin(), payload.end(), reserve(to, payload.size()));
  send(to, type, payload.size(), nowSec);
}

void UdpOutput::flush() noexcept {
  if (count_ != 0) sendRun();
  start_ = used_ = 0;
}

void UdpOutput::single(const UdpPeer& to, ByteView datagram) noexcept {
  if (to.listener >= sockets_.size()) return;
  const int code = sendUdp(sockets_[to.listener], kernel_, to, datagram);
  stats_.add(code == 0 ? Stat::udpTxDatagrams : Stat::udpWriteErrors);
  stats_.add(Stat::udpWrites);
}

void UdpOutput::sendRun() noexcept {
  UdpSocket& socket = sockets_[channel_->peer.listener];
  if (count_ > 1 && !socket.segments) {
    sendSingly(socket);
  } else {
    const ByteView bytes(buffer_.get() + start_, used_ - start_);
    stats_.add(Stat::udpWrites);
    const int code = sendUdp(socket, kernel_, channel_->peer, bytes, count_ > 1 ? static_cast<uint16_t>(segment_) : uint16_t{0});
    if (code == 0) {
      delivered(count_);
    } else if (count_ > 1 && !passing(code)) {
      // EIO: the device cannot checksum what it cuts, and older kernels do not help it. Anything else may be true of
      // runs alone (EMSGSIZE, EINVAL): each datagram for itself shows.
      if (code == EIO) socket.segments = false;
      sendSingly(socket);
    } else {
      failed(code, count_, bytes.size());
    }
  }
  start_ = used_;
  count_ = segment_ = 0;
  closed_ = false;
  packets_ = payload_ = 0;
}

void UdpOutput::sendSingly(UdpSocket& socket) noexcept {
  size_t refused = SIZE_MAX;  // what is as long as one that was too long is not tried
  for (size_t at = start_; at < used_;) {
    const size_t length = std::min(segment_, used_ - at);
    int code = EMSGSIZE;
    if (length < refused) {
      stats_.add(Stat::udpWrites);
      code = sendUdp(socket, kernel_, channel_->peer, {buffer_.get() + at, length});
    }
    if (code == 0) delivered(1);
    else failed(code, 1, length);
    if (code == EMSGSIZE) refused = length;
    at += length;
  }
}

void UdpOutput::delivered(size_t datagrams) noexcept {
  channel_->refused = 0;
  stats_.add(Stat::udpTxDatagrams, datagrams);
  // Control records are few and never worth a second count: what is not a packet is taken from the end.
  const uint64_t packets = std::min<uint64_t>(datagrams, packets_);
  const uint64_t bytes = packets_ == 0 ? 0 : payload_ * packets / packets_;
  TunnelCounters& counters = channel_->tunnel.counters;
  counters.add(TunnelCounters::kTxPackets, packets);
  counters.add(TunnelCounters::kTxBytes, bytes);
  counters.add(TunnelCounters::kDtlsTxPackets, packets);
  counters.add(TunnelCounters::kDtlsTxBytes, bytes);
  packets_ -= packets;
  payload_ -= bytes;
}

// A record of `length` bytes does not leave this host: what would?
void UdpOutput::tooLong(size_t length) noexcept {
  PathMtu& path = channel_->tunnel.path;
  const size_t around = channel_->overhead + 1;
  const size_t lost = length > around ? length - around : 1;
  if (!path.leaves(lost)) return;
  const size_t outside = kernel_.pathMtu(channel_->peer), headers = around + (channel_->peer.ipv4() ? kHeaders4 : kHeaders6);
  path.tooLong(outside > headers ? std::min(outside - headers, lost - 1) : lost - 1, nowSec_);
  channel_->changed();
}

void UdpOutput::failed(int code, size_t datagrams, size_t length) noexcept {
  stats_.add(Stat::udpWriteErrors);
  const uint64_t packets = std::min<uint64_t>(datagrams, packets_);
  channel_->tunnel.counters.add(TunnelCounters::kTxDropped, packets);
  stats_.add(Stat::txDropped, packets);
  payload_ -= packets_ == 0 ? 0 : payload_ * packets / packets_;
  packets_ -= packets;
  if (passing(code)) return;
  if (code == EMSGSIZE) return tooLong(length);
  if (++channel_->refused >= kMaxRefused) channel_->end(DtlsDownReason::kUnreachable);
}

}  // namespace postern
