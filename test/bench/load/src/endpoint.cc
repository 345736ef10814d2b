#include "endpoint.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

namespace load {

std::string systemError(const std::string& what) { return what + ": " + std::strerror(errno); }

Endpoint endpointOf(const std::string& host, uint16_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) throw Failure("not an address: " + host);
  Endpoint endpoint;
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  endpoint.length = found->ai_addrlen;
  freeaddrinfo(found);
  if (endpoint.family() == AF_INET) reinterpret_cast<sockaddr_in*>(&endpoint.address)->sin_port = htons(port);
  else reinterpret_cast<sockaddr_in6*>(&endpoint.address)->sin6_port = htons(port);
  return endpoint;
}

void Socket::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

namespace {

void bindTo(int fd, const std::string& source) {
  if (source.empty()) return;
  const Endpoint from = endpointOf(source, 0);
  const int one = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (bind(fd, from.raw(), from.length) != 0) throw Failure(systemError("bind " + source));
}

}  // namespace

Socket openTcp(const Endpoint& to, const std::string& source, int limitSec) {
  Socket socket(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0) throw Failure(systemError("socket"));
  bindTo(socket.fd(), source);
  const timeval limit{limitSec, 0};
  setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int one = 1;
  setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(socket.fd(), to.raw(), to.length) != 0) throw Failure(systemError("connect"));
  return socket;
}

Socket openUdp(const Endpoint& to, const std::string& source, size_t bufferBytes) {
  Socket socket(::socket(to.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0) throw Failure(systemError("socket"));
  bindTo(socket.fd(), source);
  if (bufferBytes > 0) {
    const int bytes = int(bufferBytes);
    for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) setsockopt(socket.fd(), SOL_SOCKET, option, &bytes, sizeof bytes);
  }
  if (connect(socket.fd(), to.raw(), to.length) != 0) throw Failure(systemError("connect"));
  return socket;
}

size_t raiseDescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  rlimit more{1048576, 1048576};
  if (setrlimit(RLIMIT_NOFILE, &more) != 0) {
    more = {limit.rlim_max, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &more);
  }
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace load
