// Brings datagrams straight to the worker that has their association: a program in the kernel that all sockets of a
// listening address share looks the peer up in a map. Without bpf() the workers hand datagrams over instead.
#pragma once
#include "udp_peer.h"

namespace postern {

class PeerSteering {
 public:
  PeerSteering() = default;
  PeerSteering(const PeerSteering&) = delete;
  PeerSteering& operator=(const PeerSteering&) = delete;
  ~PeerSteering();

  // False when the kernel refuses.
  bool open() noexcept;
  // `fd` is a socket whose SO_REUSEPORT group is complete, worker by worker.
  bool attach(int fd) const noexcept;
  // Any thread; nothing without open(). Peers that are in no map go where their addresses' hash says.
  void own(const UdpPeer& peer, uint32_t worker) const noexcept;
  void disown(const UdpPeer& peer) const noexcept;

 private:
  int map_ = -1, program_ = -1;
};

}  // namespace postern
