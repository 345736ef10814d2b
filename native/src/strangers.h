// Datagrams that belong to no association: greeted, given to the handshakes, or dropped. A worker spends only a part of
// a round on them; what is left waits for a later one, within a bound. The worker's thread only.
#pragma once
#include <deque>

#include "dtls_shared.h"
#include "udp_output.h"

namespace postern {

class Strangers {
 public:
  // Implementation constants: of one round that has packets to carry, of one that has none, and waiting for the next.
  static constexpr size_t kBusyRound = 4;
  static constexpr size_t kIdleRound = 64;
  static constexpr size_t kWaiting = 256;

  Strangers(DtlsShared* shared, UdpOutput& output, StatBlock& stats) : shared_(shared), output_(output), stats_(stats) {}

  // Waits for serve() if it names a session or is of a handshake under way; anything else is dropped on the spot.
  void meet(const UdpPeer& peer, ByteView datagram, uint64_t nowMs);
  // End of the receiving of a round. `busy`: it had packets to carry.
  void serve(bool busy, uint64_t nowMs);
  bool waiting() const noexcept { return !waiting_.empty(); }

 private:
  struct Waiting {
    UdpPeer peer;
    Bytes datagram;
  };
  bool expected(const UdpPeer& peer, ByteView datagram, uint64_t nowMs) const;
  void greet(Waiting&& stranger, uint64_t nowMs);

  DtlsShared* const shared_;
  UdpOutput& output_;
  StatBlock& stats_;
  std::deque<Waiting> waiting_;
};

}  // namespace postern
