// UDP sockets of the VPN port. Each worker has one for each listening address, unconnected; those of one address share
// their port (SO_REUSEPORT), and the kernel keeps a client with one of them (reference dataplane section 3.1).
#pragma once
#include <sys/socket.h>

#include <vector>

#include "endpoint.h"
#include "stats.h"
#include "udp_peer.h"
#include "worker_pool.h"

namespace postern {

// The system calls of the datagram path; tests put their own in between.
class UdpKernel {
 public:
  virtual ~UdpKernel() = default;
  // As sendmsg and recvmsg, without blocking.
  virtual ssize_t send(int fd, const msghdr& message) noexcept;
  virtual ssize_t receive(int fd, msghdr& message) noexcept;
  // The longest IP packet towards a peer, as far as the kernel knows; 0 when it does not say.
  virtual size_t pathMtu(const UdpPeer& to) noexcept;
  static UdpKernel& real() noexcept;
};

class UdpSocket {
 public:
  UdpSocket() = default;
  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket();

  // `listener`: the index by which peers name this address. `first` of its address: fails when anybody else has it.
  bool open(const Endpoint& endpoint, uint16_t listener, bool first, OpError& error);

  int fd() const noexcept { return fd_; }
  uint16_t listener() const noexcept { return listener_; }
  bool ipv6() const noexcept { return ipv6_; }
  // Bound to no address of its own: every datagram says which one it hit, and which one it is to leave from.
  bool wildcard() const noexcept { return wildcard_; }
  const std::array<uint8_t, 16>& local() const noexcept { return local_; }

  bool segments = false;   // takes UDP_SEGMENT
  uint32_t overflow = 0;   // what the kernel said last of datagrams it had no room for

 private:
  int fd_ = -1;
  uint16_t listener_ = 0;
  bool ipv6_ = false, wildcard_ = false;
  std::array<uint8_t, 16> local_{};
};
using UdpSockets = std::vector<UdpSocket>;

// One datagram, or several of one peer that the kernel has put together.
struct UdpArrival {
  UdpPeer peer;
  uint8_t* at = nullptr;
  size_t length = 0;
  size_t segment = 0;  // length of each of them but the last; equal to `length` when there is one
};
// Receives into `room`, which has 65,536 bytes. False when nothing is there. Counts the call and what the kernel lost.
bool receiveUdp(UdpSocket& socket, UdpKernel& kernel, uint8_t* room, UdpArrival& into, StatBlock& stats) noexcept;

// One send; with `segment` not 0 the kernel cuts `bytes` into datagrams of that length. 0 or an errno value.
int sendUdp(const UdpSocket& socket, UdpKernel& kernel, const UdpPeer& to, ByteView bytes, uint16_t segment = 0) noexcept;

}  // namespace postern
