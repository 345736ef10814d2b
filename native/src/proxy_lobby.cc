#include "proxy_lobby.h"

#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace postern {

TrustedProxies::TrustedProxies(const std::vector<std::string>& networks) {
  for (const std::string& text : networks) {
    IpPrefix prefix;
    if (parsePrefix(text, prefix)) networks_.push_back(prefix.network());
  }
}

bool TrustedProxies::contains(const sockaddr_storage& peer) const noexcept {
  IpPrefix address;
  address.ipv6 = peer.ss_family == AF_INET6;
  if (address.ipv6) std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, 16);
  else std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, 4);
  return std::any_of(networks_.begin(), networks_.end(), [&](const IpPrefix& network) {
    if (network.ipv6 != address.ipv6) return false;
    address.length = network.length;
    return address.network().bytes == network.bytes;
  });
}

ProxyLobby::~ProxyLobby() {
  for (const auto& guest : guests_) {
    if (guest) ::close(guest->fd);
  }
}

std::optional<uint32_t> ProxyLobby::enter(int fd, const sockaddr_storage& proxy, int64_t now) {
  if (size_ >= places_) return std::nullopt;
  auto place = std::find(guests_.begin(), guests_.end(), nullptr);
  if (place == guests_.end()) place = guests_.insert(place, nullptr);
  *place = std::make_unique<Guest>(Guest{fd, proxy, now, {}});
  ++size_;
  return static_cast<uint32_t>(place - guests_.begin());
}

// What is peeked at and not taken stays in the socket for TLS; what is taken cannot wake us a second time.
ProxyHeader::State ProxyLobby::read(uint32_t number) {
  Guest& guest = *guests_[number];
  uint8_t bytes[ProxyHeader::kMaxBlock];
  while (guest.header.state() == ProxyHeader::State::kPartial) {
    const ssize_t n = ::recv(guest.fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (n <= 0) return ProxyHeader::State::kBad;
    const size_t taken = guest.header.take({bytes, static_cast<size_t>(n)});
    if (::recv(guest.fd, bytes, taken, MSG_DONTWAIT) != static_cast<ssize_t>(taken)) return ProxyHeader::State::kBad;
  }
  return guest.header.state();
}

std::unique_ptr<ProxyLobby::Guest> ProxyLobby::leave(uint32_t number) {
  --size_;
  return std::move(guests_[number]);
}

std::optional<uint32_t> ProxyLobby::late(int64_t since) const noexcept {
  const auto found = std::find_if(guests_.begin(), guests_.end(), [&](const auto& guest) { return guest && guest->since <= since; });
  if (found == guests_.end()) return std::nullopt;
  return static_cast<uint32_t>(found - guests_.begin());
}

}  // namespace postern
