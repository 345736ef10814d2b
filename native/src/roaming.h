// A DTLS channel follows its client to another port or address: a NAT that forgot (reference protocol section 9.6). What
// moves it is one record that opens under its keys and is newer than any before; never an address alone, never a repeat.
// The worker's thread only.
#pragma once
#include "associations.h"

namespace postern {

class Roaming {
 public:
  // Implementation constants.
  static constexpr uint64_t kGapMs = 3000;      // between two moves of a channel
  static constexpr uint32_t kOpens = 10'000;    // records of strangers that a worker tries to open in a second

  Roaming(uint32_t worker, DtlsShared* shared, Associations& associations, StatBlock& stats)
      : worker_(worker), shared_(shared), associations_(associations), stats_(stats) {}

  // Does the datagram begin with data of a channel?
  static bool concerns(ByteView datagram) noexcept;
  // Tries a stranger's datagram on the channels of its source. The channel that has moved, of this worker; else `others` are
  // the workers that may know better. The bytes stay as they are.
  DtlsChannel* meet(const UdpPeer& peer, ByteView datagram, std::vector<uint32_t>& others, uint64_t nowMs);
  // The same for what another worker has met.
  DtlsChannel* handed(const UdpPeer& peer, ByteView datagram, uint64_t nowMs);

 private:
  DtlsChannel* follow(const std::vector<ChannelSources::Channel>& candidates, const UdpPeer& peer, ByteView datagram, uint64_t nowMs);
  bool mayOpen(uint64_t nowMs) noexcept;

  const uint32_t worker_;
  DtlsShared* const shared_;
  Associations& associations_;
  StatBlock& stats_;
  uint64_t second_ = 0;
  uint32_t opens_ = 0;
};

}  // namespace postern
