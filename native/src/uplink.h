// Client -> TUN: decrypted bytes of the tunnels of one worker, taken apart into CSTP frames, answered or passed on. The
// worker's thread only.
#pragma once
#include <memory>

#include "askers.h"
#include "router.h"
#include "shaper_line.h"
#include "tun_writer.h"
#include "tunnel_set.h"

namespace postern {

class Uplink {
 public:
  enum class Outcome : uint8_t {
    kDrained,  // nothing more to read for now
    kMore,     // the budget of the round is used up; bytes may lie inside the SSL, where epoll cannot see them
    kDown,     // reason() and detail() say why
  };

  Uplink(TunWriter& tun, const Router& router, Askers& askers, StatBlock& stats);

  // Reads and handles what the client has sent, up to a budget in bytes; taken() says what it came to.
  Outcome read(Tunnel& tunnel, uint64_t nowMs, size_t budget = kBudget);
  size_t taken() const noexcept { return taken_; }
  // Bytes that were decrypted before the tunnel came here.
  Outcome feed(Tunnel& tunnel, ByteView early, uint64_t nowMs);
  // An inner packet that came over DTLS. Its bytes stay valid and ours to write until flush().
  bool packet(Tunnel& tunnel, ByteSpan packet, uint64_t nowMs);
  // Packets of tunnels with a rate that waited for it; they lie in the arena until flush().
  void serve(ShaperLine& line, TunnelSet& tunnels, BufferPool& pool);
  // The packet in a compressed one of either channel, as packet() wants it; empty, and counted, where there is none. `codec` is
  // nullptr when nothing was agreed.
  ByteSpan expand(PacketCodec* codec, ByteView coded);
  // End of the round: everything goes into the TUN device, the arena is empty again.
  void flush() noexcept;

  TunnelDownReason reason() const noexcept { return reason_; }
  ByteView detail() const noexcept { return detail_; }

 private:
  // Implementation constants.
  static constexpr size_t kArena = 256 * 1024;
  static constexpr size_t kRecord = 16384;
  static constexpr size_t kBudget = 128 * 1024;  // bytes of one tunnel in one round, before the last recv
  static constexpr size_t kRecordCost = 256;     // of a record, besides its bytes: tiny ones are not for nothing
  static constexpr size_t kDetail = 512;
  static constexpr size_t kExpanded = 128 * 1024;

  Outcome readBurst(Tunnel& tunnel, uint64_t nowMs, size_t budget);
  ByteSpan room() noexcept;  // for one record, with as much left behind it for a frame that was split
  Outcome parse(Tunnel& tunnel, ByteView bytes, uint64_t nowMs);
  bool frame(Tunnel& tunnel, const cstp::Frame& frame, uint64_t nowMs);
  ByteSpan keep(ByteView payload);
  bool passes(const PacketFilter& filter, ByteView packet, const PacketInfo& info) const noexcept;
  bool held(Tunnel& tunnel, ByteView packet);
  Outcome down(TunnelDownReason reason);

  TunWriter& tun_;
  const Router& router_;
  Askers& askers_;
  StatBlock& stats_;
  std::unique_ptr<uint8_t[]> arena_;  // packets lie here until flush()
  size_t used_ = 0;
  std::unique_ptr<uint8_t[]> expanded_;  // the same for packets that came compressed; from the first one on
  size_t expandedUsed_ = 0;
  size_t taken_ = 0;
  TunnelDownReason reason_ = TunnelDownReason::kInternal;
  Bytes detail_;
};

}  // namespace postern
