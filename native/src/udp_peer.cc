#include "udp_peer.h"

#include <arpa/inet.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

namespace postern {
namespace {

constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

HashSeed randomSeed() noexcept {
  HashSeed seed = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb};
  HashSeed random;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), sizeof random) != 1) return seed;
  for (size_t i = 0; i < seed.size(); ++i) seed[i] = random[i] | 1;
  return seed;
}

uint64_t mix(uint64_t a, uint64_t b) noexcept {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

bool UdpPeer::ipv4() const noexcept { return std::memcmp(address.data(), kMapped, sizeof kMapped) == 0; }

std::string UdpPeer::addressText() const {
  char name[INET6_ADDRSTRLEN];
  if (ipv4()) ::inet_ntop(AF_INET, address.data() + sizeof kMapped, name, sizeof name);
  else ::inet_ntop(AF_INET6, address.data(), name, sizeof name);
  return name;
}

std::string UdpPeer::text() const {
  const std::string name = addressText();
  return (ipv4() ? name : "[" + name + "]") + ":" + std::to_string(port);
}

UdpPeer sourceOf(const UdpPeer& peer) noexcept {
  UdpPeer source;
  source.address = peer.address;
  if (!peer.ipv4()) std::fill(source.address.begin() + 8, source.address.end(), 0);
  return source;
}

std::optional<std::array<uint8_t, 16>> remoteAddress(int fd) noexcept {
  std::array<uint8_t, 16> into{};
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
  if (address.ss_family == AF_INET6) {
    std::memcpy(into.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, into.size());
  } else if (address.ss_family == AF_INET) {
    std::memcpy(into.data(), kMapped, sizeof kMapped);
    std::memcpy(into.data() + sizeof kMapped, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, sizeof(in_addr));
  } else {
    return std::nullopt;
  }
  return into;
}

size_t hashOf(const UdpPeer& peer, const HashSeed& seed) noexcept {
  uint64_t address[2], local[2];
  std::memcpy(address, peer.address.data(), sizeof address);
  std::memcpy(local, peer.local.data(), sizeof local);
  const uint64_t rest = uint64_t{peer.port} << 48 | uint64_t{peer.listener} << 32 | peer.scope;
  const uint64_t there = mix(address[0] ^ seed[0], address[1] ^ seed[1]);
  const uint64_t here = mix(local[0] ^ seed[1], local[1] ^ seed[2]);
  // Twice: with one product the ports of one address are multiples of a random number, and one seed in a hundred crowds them.
  return mix(mix(there ^ rest ^ seed[2], here ^ seed[0]) ^ seed[1], 0x9e3779b97f4a7c15);
}

size_t UdpPeerHash::operator()(const UdpPeer& peer) const noexcept {
  static const HashSeed seed = randomSeed();
  return hashOf(peer, seed);
}

}  // namespace postern
