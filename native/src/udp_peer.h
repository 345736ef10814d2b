// The two ends of a UDP association, as one small value that can be compared and hashed.
#pragma once
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "bytes.h"

namespace postern {

struct UdpPeer {
  std::array<uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d
  std::array<uint8_t, 16> local{};    // the gateway's address that was hit: answers leave from it
  uint16_t port = 0;                  // host order
  uint16_t listener = 0;              // index of the listening address
  uint32_t scope = 0;                 // interface of a link-local address

  // The peer alone, and the way it came by: datagrams of one association have both equal.
  bool operator==(const UdpPeer& other) const noexcept = default;
  bool ipv4() const noexcept;
  std::string text() const;  // 198.51.100.7:4431
  std::string addressText() const;
};

// The address alone, of an IPv6 address its /64: whoever has one has all of them.
UdpPeer sourceOf(const UdpPeer& peer) noexcept;
// Of the other end of a TCP connection, in the form of `UdpPeer::address`; nothing where there is none.
std::optional<std::array<uint8_t, 16>> remoteAddress(int fd) noexcept;

// Keys a hash, so that strangers, who choose their addresses and ports, cannot choose their bucket too.
using HashSeed = std::array<uint64_t, 3>;  // odd words
size_t hashOf(const UdpPeer& peer, const HashSeed& seed) noexcept;

// With a random seed of the process.
struct UdpPeerHash {
  size_t operator()(const UdpPeer& peer) const noexcept;
};

// Sends single datagrams, from any thread (the fast path of a worker has its own way). Losses are silent, as on the wire.
class DatagramSender {
 public:
  virtual ~DatagramSender() = default;
  virtual void send(const UdpPeer& to, ByteView datagram) noexcept = 0;
};

}  // namespace postern
