// TUN -> clients: reads super-packets, finds the tunnel, cuts them into CSTP frames or DTLS records. The worker's thread only, except
// that other workers push into its inbox of handed-over packets.
#pragma once
#include <memory>
#include <vector>

#include "inbox.h"
#include "router.h"
#include "segment.h"
#include "tun_writer.h"
#include "tunnel_set.h"
#include "udp_output.h"

namespace postern {

// A packet that another worker's TUN queue received.
struct HandedPacket {
  VirtioNetHeader header;
  Bytes packet;
};
using PacketInbox = Inbox<HandedPacket>;

class Downlink {
 public:
  // Implementation constants.
  static constexpr int kReads = 64;            // of the TUN queue in one round, or
  static constexpr size_t kBytes = 1 << 20;    // so many bytes: 16 super-packets
  static constexpr size_t kHandOver = 64;      // packets waiting for another worker: at most 4 MiB
  static constexpr uint32_t kTooBigPerSecond = 1000;

  struct Context {
    uint32_t worker;
    int queueFd;
    const Router& router;
    const std::vector<PacketInbox*>& inboxes;  // of all workers
  };
  Downlink(const Context& context, TunnelSet& tunnels, TunWriter& tun, TlsOutput& output, UdpOutput& udp);

  // One round of the TUN queue, or of the inbox. False when somebody has taken the device away.
  bool readQueue(uint64_t nowMs);
  void readInbox(uint64_t nowMs);

 private:
  static constexpr size_t kPacket = 65536;
  static constexpr size_t kLeastMtu = 68;  // specification constant, RFC 791
  static constexpr size_t kBurst = 65536;  // collected records are sent at this size

  void packet(const VirtioNetHeader& header, ByteView bytes, uint64_t nowMs);
  void deliver(Tunnel& tunnel, const VirtioNetHeader& header, ByteView bytes, const PacketInfo& info, uint64_t nowMs);
  void fragment(Tunnel& tunnel, const SegmentPlan& plan, ByteView bytes, uint16_t mtu, uint32_t nowSec);
  template <typename Write>
  void send(Tunnel& tunnel, size_t length, uint32_t nowSec, Write&& write);
  void handOver(uint32_t worker, const VirtioNetHeader& header, ByteView bytes);
  void tooBig(ByteView bytes, const PacketInfo& info, uint16_t mtu, uint64_t nowMs);

  Context context_;
  TunnelSet& tunnels_;
  TunWriter& tun_;
  TlsOutput& output_;
  UdpOutput& udp_;
  std::unique_ptr<uint8_t[]> buffer_;
  Bytes whole_;  // a segment about to be fragmented
  std::vector<HandedPacket> handed_;
  uint64_t tooBigSecond_ = 0;
  uint32_t tooBigSent_ = 0;
};

}  // namespace postern
