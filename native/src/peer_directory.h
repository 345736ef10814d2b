// What the workers tell each other about peers: whose handshake is under way, and which worker has the association when
// it is not the one that the kernel gave the datagrams to. Any thread; asked only about peers a worker does not know.
#pragma once
#include <deque>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "peer_steering.h"

namespace postern {

class PeerDirectory {
 public:
  // Implementation constants: handshakes under way or failed a moment ago, and with them those that went well.
  static constexpr size_t kPending = 4096;
  static constexpr size_t kRemembered = 65536;

  // A handshake has begun; forgotten at `untilMs`. False when too many are under way.
  bool begin(const UdpPeer& peer, uint64_t untilMs, uint64_t nowMs);
  bool pending(const UdpPeer& peer, uint64_t nowMs) const;
  void finish(const UdpPeer& peer);

  void own(const UdpPeer& peer, uint32_t worker);
  // Only if it is still that worker's.
  void disown(const UdpPeer& peer, uint32_t worker);
  std::optional<uint32_t> owner(const UdpPeer& peer) const;

  size_t size() const;
  // Told of owners too.
  PeerSteering steering;

 private:
  void expire(uint64_t nowMs);
  struct Begun {
    UdpPeer peer;
    uint64_t untilMs;
  };

  mutable std::shared_mutex mutex_;
  std::unordered_map<UdpPeer, uint64_t, UdpPeerHash> pending_;  // until when
  std::deque<Begun> order_;                                     // of their ends, also of those that are over already
  std::unordered_map<UdpPeer, uint32_t, UdpPeerHash> owners_;
};

}  // namespace postern
