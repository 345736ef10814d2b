// Which DTLS channels the addresses of clients have: what a datagram from a port nobody knows may be tried against. All
// workers together; asked only about strangers.
#pragma once
#include <mutex>
#include <unordered_map>
#include <vector>

#include "udp_peer.h"

namespace postern {

class ChannelSources {
 public:
  // Implementation constants, of one source (an IPv4 address, an IPv6 /64): channels that are tried, more are left alone;
  // datagrams a second that are tried. A stranger costs as many decryptions of his datagram as there are channels.
  static constexpr size_t kChannels = 16;
  static constexpr uint32_t kTrials = 16;

  struct Channel {
    UdpPeer peer;
    uint32_t worker;
  };

  void enter(const UdpPeer& peer, uint32_t worker);
  // Only if it is that worker's.
  void leave(const UdpPeer& peer, uint32_t worker);
  // The channels that may have sent a datagram from there: none where the source has none, or too many, or has been tried
  // too often. Spends one of its trials.
  std::vector<Channel> tried(const UdpPeer& stranger, uint64_t nowMs);
  // The same for a worker to which another one, that has spent the trial, handed the datagram.
  std::vector<Channel> of(const UdpPeer& stranger) const;
  size_t size() const;

 private:
  struct Source {
    std::unordered_map<UdpPeer, uint32_t, UdpPeerHash> channels;  // their workers
    uint64_t second = 0;
    uint32_t trials = 0;
  };
  static std::vector<Channel> channelsOf(const Source& source);

  mutable std::mutex mutex_;
  std::unordered_map<UdpPeer, Source, UdpPeerHash> sources_;
};

}  // namespace postern
