// What the kernel knows of the path to a peer: the device's MTU, and what routers have told (ICMP).
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "udp_socket.h"

namespace postern {
namespace {

socklen_t toSockaddr(const std::array<uint8_t, 16>& address, uint16_t port, uint32_t scope, bool ipv4, sockaddr_storage& into) noexcept {
  into = {};
  if (ipv4) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(into);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.data() + 12, sizeof v4.sin_addr);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(into);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_scope_id = scope;
  std::memcpy(&v6.sin6_addr, address.data(), address.size());
  return sizeof v6;
}

}  // namespace

// Only a connected socket is told; one for a moment, because this is rare.
size_t UdpKernel::pathMtu(const UdpPeer& to) noexcept {
  const bool ipv4 = to.ipv4();
  const int fd = ::socket(ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  sockaddr_storage address;
  socklen_t length = toSockaddr(to.local, 0, to.scope, ipv4, address);
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), length);  // the route may depend on it; without it the answer is as good as any
  length = toSockaddr(to.address, to.port, to.scope, ipv4, address);
  int mtu = 0;
  socklen_t size = sizeof mtu;
  const bool known = ::connect(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     ::getsockopt(fd, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_MTU : IPV6_MTU, &mtu, &size) == 0;
  ::close(fd);
  return known && mtu > 0 ? static_cast<size_t>(mtu) : 0;
}

}  // namespace postern
