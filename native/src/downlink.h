// TUN -> clients: reads super-packets, finds the tunnel, cuts them into CSTP frames or DTLS records. The worker's thread only, except
// that other workers push into its inbox of handed-over packets.
#pragma once
#include <memory>
#include <vector>

#include "askers.h"
#include "handed_packet.h"
#include "inbox.h"
#include "parked_packets.h"
#include "segment.h"
#include "shaper_line.h"
#include "tun_writer.h"
#include "tunnel_set.h"
#include "tunnel_table.h"
#include "udp_output.h"

namespace postern {

// Packets that other workers' TUN queues received.
using PacketInbox = Inbox<HandedPacket>;

class Downlink {
 public:
  // Implementation constants.
  static constexpr int kReads = 64;            // of the TUN queue in one round, or
  static constexpr size_t kBytes = 1 << 20;    // so many bytes: 16 super-packets
  static constexpr size_t kQuickBytes = 128 * 1024;  // where somebody asks: two of them
  static constexpr size_t kHandOver = 64;      // packets waiting for another worker: at most 4 MiB
  static constexpr uint32_t kTooBigPerSecond = 1000;

  struct Context {
    uint32_t worker;
    int queueFd;
    TunnelTable& table;
    const std::vector<PacketInbox*>& inboxes;  // of all workers
  };
  Downlink(const Context& context, TunnelSet& tunnels, TunWriter& tun, TlsOutput& output, UdpOutput& udp, Askers& askers);

  // One round of the TUN queue (about `most` bytes), or of the inbox. False when somebody has taken the device away.
  bool readQueue(uint64_t nowMs, size_t most = kBytes);
  void readInbox(uint64_t nowMs);

  // Packets of tunnels with a rate that waited for it.
  void serve(ShaperLine& line, uint64_t nowMs);

  // The tunnel has gone, and its client is expected back: its packets wait, and its routes stay.
  void park(const Tunnel& tunnel, uint64_t nowMs) { parked_.open(tunnel.id, tunnel.spec, nowMs); }
  // Those that have waited long enough, or whose client is back.
  void settleParked(uint64_t nowMs);
  const ParkedPackets& parked() const noexcept { return parked_; }

 private:
  static constexpr size_t kPacket = 65536;
  static constexpr size_t kBurst = 65536;  // collected records are sent at this size

  void packet(const VirtioNetHeader& header, ByteView bytes, uint64_t nowMs);
  bool passes(const PacketFilter& filter, ByteView packet) const noexcept;
  void deliver(Tunnel& tunnel, const VirtioNetHeader& header, ByteView bytes, const PacketInfo& info, uint64_t nowMs);
  void fragment(Tunnel& tunnel, const SegmentPlan& plan, ByteView bytes, uint16_t mtu, uint32_t nowSec);
  template <typename Write>
  void carry(Tunnel& tunnel, size_t length, uint32_t nowSec, Write&& write);
  template <typename Write>
  void send(Tunnel& tunnel, ByteView from, size_t length, uint32_t nowSec, Write&& write);
  void handOver(uint32_t worker, const VirtioNetHeader& header, ByteView bytes);
  void tooBig(ByteView bytes, const PacketInfo& info, uint16_t mtu, uint64_t nowMs);

  Context context_;
  TunnelSet& tunnels_;
  TunWriter& tun_;
  TlsOutput& output_;
  UdpOutput& udp_;
  Askers& askers_;
  std::unique_ptr<uint8_t[]> buffer_;
  Bytes whole_;  // a segment about to be fragmented
  std::vector<HandedPacket> handed_;
  ParkedPackets parked_;
  uint64_t tooBigSecond_ = 0;
  uint32_t tooBigSent_ = 0;
};

}  // namespace postern
