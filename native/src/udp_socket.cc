#include "udp_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "byte_order.h"
#include "listener.h"
#include "op_error.h"

namespace postern {
namespace {

// Implementation constants: 100 ms of a fast line, and what a burst of super-packets needs on its way out.
constexpr int kReceiveBuffer = 8 << 20;
constexpr int kSendBuffer = 4 << 20;
constexpr size_t kRoom = 65536;

// Specification constants: RFC 4291 section 2.5.5.2.
constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::array<uint8_t, 16> mapped(const in_addr& address) noexcept {
  std::array<uint8_t, 16> into;
  std::memcpy(into.data(), kMappedPrefix, sizeof kMappedPrefix);
  std::memcpy(into.data() + sizeof kMappedPrefix, &address, sizeof address);
  return into;
}

in_addr unmapped(const std::array<uint8_t, 16>& address) noexcept {
  in_addr into;
  std::memcpy(&into, address.data() + sizeof kMappedPrefix, sizeof into);
  return into;
}

// 6.18 -> 618; a version we cannot read counts as old.
int kernelVersion() noexcept {
  static const int version = [] {
    utsname name{};
    int major = 0, minor = 0;
    if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return 0;
    return major * 100 + std::min(minor, 99);
  }();
  return version;
}

// Merged receiving lost datagrams before 5.12; runs of equal segments are corrupted on some devices by 7.0 and 7.1
// (reference dataplane section 4).
bool mayMerge() noexcept { return kernelVersion() >= 512; }
bool maySegment(int fd) noexcept {
  int size = 0;
  socklen_t length = sizeof size;
  const int version = kernelVersion();
  return ::getsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, &length) == 0 && version != 700 && version != 701;
}

void set(int fd, int level, int option, int value) noexcept { ::setsockopt(fd, level, option, &value, sizeof value); }

// Without CAP_NET_ADMIN: as much as the system allows.
void setBuffer(int fd, int force, int plain, int bytes) noexcept {
  if (::setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof bytes) != 0) set(fd, SOL_SOCKET, plain, bytes);
}

union ControlRoom {
  cmsghdr aligned;
  uint8_t bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int)) + 64];
};

void peerOf(const sockaddr_storage& from, UdpPeer& into) noexcept {
  if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    std::memcpy(into.address.data(), &v6.sin6_addr, into.address.size());
    into.port = ntohs(v6.sin6_port);
    into.scope = v6.sin6_scope_id;
  } else {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    into.address = mapped(v4.sin_addr);
    into.port = ntohs(v4.sin_port);
    into.scope = 0;
  }
}

socklen_t addressOf(const UdpSocket& socket, const UdpPeer& to, sockaddr_storage& into) noexcept {
  if (socket.ipv6()) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(into);
    v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(to.port);
    v6.sin6_scope_id = to.scope;
    std::memcpy(&v6.sin6_addr, to.address.data(), to.address.size());
    return sizeof v6;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(into);
  v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(to.port);
  v4.sin_addr = unmapped(to.address);
  return sizeof v4;
}

// Appends one control message behind `used` bytes.
template <typename T>
void append(ControlRoom& room, size_t& used, int level, int type, const T& value) noexcept {
  auto* message = reinterpret_cast<cmsghdr*>(room.bytes + used);
  message->cmsg_level = level;
  message->cmsg_type = type;
  message->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(message), &value, sizeof value);
  used += CMSG_SPACE(sizeof value);
}

template <typename T>
T valueOf(const cmsghdr* message) noexcept {
  T value;
  std::memcpy(&value, CMSG_DATA(message), sizeof value);
  return value;
}

}  // namespace

ssize_t UdpKernel::send(int fd, const msghdr& message) noexcept { return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); }
ssize_t UdpKernel::receive(int fd, msghdr& message) noexcept { return ::recvmsg(fd, &message, MSG_DONTWAIT); }
UdpKernel& UdpKernel::real() noexcept {
  static UdpKernel* const kernel = new UdpKernel;  // threads may outlive static objects
  return *kernel;
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : segments(other.segments),
      overflow(other.overflow),
      fd_(other.fd_),
      listener_(other.listener_),
      ipv6_(other.ipv6_),
      wildcard_(other.wildcard_),
      local_(other.local_) {
  other.fd_ = -1;
}

UdpSocket::~UdpSocket() {
  if (fd_ >= 0) ::close(fd_);
}

bool UdpSocket::open(const Endpoint& endpoint, uint16_t listener, bool first, OpError& error) {
  const std::string name = toString(endpoint) + " (udp)";
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0) {
    error = {"EINVAL", "bind", name + " is not a numeric address"};
    return false;
  }
  sockaddr_storage address{};
  const socklen_t length = found->ai_addrlen;
  std::memcpy(&address, found->ai_addr, length);
  ::freeaddrinfo(found);
  ipv6_ = address.ss_family == AF_INET6;
  fd_ = ::socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    error = errnoError(errno, "socket", "cannot make a socket for " + name);
    return false;
  }
  UdpPeer self;
  peerOf(address, self);
  local_ = self.address;
  listener_ = listener;
  wildcard_ = ipv6_ ? self.address == std::array<uint8_t, 16>{} : unmapped(self.address).s_addr == INADDR_ANY;

  setBuffer(fd_, SO_RCVBUFFORCE, SO_RCVBUF, kReceiveBuffer);
  setBuffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF, kSendBuffer);
  set(fd_, SOL_SOCKET, SO_RXQ_OVFL, 1);
  if (mayMerge()) set(fd_, SOL_UDP, UDP_GRO, 1);
  segments = maySegment(fd_);
  // No fragments: what is too long for the path is refused here, and the MTU probes of clients find it out.
  if (ipv6_) {
    set(fd_, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set(fd_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
    set(fd_, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
    if (wildcard_) set(fd_, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  } else {
    set(fd_, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    if (wildcard_) set(fd_, IPPROTO_IP, IP_PKTINFO, 1);
  }
  // The first binds alone and opens the port to the others afterwards.
  if (!first) set(fd_, SOL_SOCKET, SO_REUSEPORT, 1);
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) != 0) {
    error = errnoError(errno, "bind", "cannot listen on " + name);
    return false;
  }
  if (first) set(fd_, SOL_SOCKET, SO_REUSEPORT, 1);
  return true;
}

bool receiveUdp(UdpSocket& socket, UdpKernel& kernel, uint8_t* room, UdpArrival& into, StatBlock& stats) noexcept {
  sockaddr_storage from;
  ControlRoom control;
  iovec part{room, kRoom};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t n;
  do n = kernel.receive(socket.fd(), message);
  while (n < 0 && errno == EINTR);
  if (n < 0) return false;
  into.at = room;
  into.length = into.segment = static_cast<size_t>(n);
  peerOf(from, into.peer);
  into.peer.listener = socket.listener();
  into.peer.local = socket.local();
  for (cmsghdr* m = CMSG_FIRSTHDR(&message); m != nullptr; m = CMSG_NXTHDR(&message, m)) {
    if (m->cmsg_level == SOL_UDP && m->cmsg_type == UDP_GRO) {
      const int segment = valueOf<int>(m);
      if (segment > 0) into.segment = std::min(static_cast<size_t>(segment), into.length);
    } else if (m->cmsg_level == SOL_SOCKET && m->cmsg_type == SO_RXQ_OVFL) {
      const auto lost = valueOf<uint32_t>(m);
      stats.add(Stat::udpOverflow, lost - socket.overflow);
      socket.overflow = lost;
    } else if (m->cmsg_level == IPPROTO_IP && m->cmsg_type == IP_PKTINFO) {
      into.peer.local = mapped(valueOf<in_pktinfo>(m).ipi_spec_dst);
    } else if (m->cmsg_level == IPPROTO_IPV6 && m->cmsg_type == IPV6_PKTINFO) {
      const auto info = valueOf<in6_pktinfo>(m);
      std::memcpy(into.peer.local.data(), &info.ipi6_addr, into.peer.local.size());
    }
  }
  stats.add(Stat::udpReads);
  stats.add(Stat::udpRxDatagrams, into.length == 0 ? 1 : (into.length + into.segment - 1) / into.segment);
  return true;
}

int sendUdp(const UdpSocket& socket, UdpKernel& kernel, const UdpPeer& to, ByteView bytes, uint16_t segment) noexcept {
  sockaddr_storage address;
  ControlRoom control;
  size_t used = 0;
  iovec part{const_cast<uint8_t*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = addressOf(socket, to, address);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (socket.wildcard() && socket.ipv6()) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, to.local.data(), to.local.size());
    append(control, used, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else if (socket.wildcard()) {
    in_pktinfo info{};
    info.ipi_spec_dst = unmapped(to.local);
    append(control, used, IPPROTO_IP, IP_PKTINFO, info);
  }
  if (segment != 0) append(control, used, SOL_UDP, UDP_SEGMENT, segment);
  message.msg_control = used != 0 ? control.bytes : nullptr;
  message.msg_controllen = used;
  for (;;) {
    if (kernel.send(socket.fd(), message) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace postern
