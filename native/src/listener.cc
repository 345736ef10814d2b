#include "listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "op_error.h"

namespace postern {
namespace {

// Implementation constants.
constexpr int kBacklog = 4096;

bool resolve(const Endpoint& wanted, sockaddr_storage& into, socklen_t& length) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(wanted.address.c_str(), std::to_string(wanted.port).c_str(), &hints, &found) != 0) return false;
  length = found->ai_addrlen;
  std::memcpy(&into, found->ai_addr, length);
  ::freeaddrinfo(found);
  return true;
}

}  // namespace

Endpoint endpointOf(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return {text, ntohs(v6.sin6_port)};
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return {text, ntohs(v4.sin_port)};
}

std::string toString(const Endpoint& endpoint) {
  const bool v6 = endpoint.address.find(':') != std::string::npos;
  return (v6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" + std::to_string(endpoint.port);
}

Listener::~Listener() {
  if (fd_ >= 0) ::close(fd_);
}

bool Listener::open(const Endpoint& wanted, const std::string& lockDirectory, OpError& error) {
  const std::string name = toString(wanted);
  sockaddr_storage address{};
  socklen_t length = 0;
  if (!resolve(wanted, address, length)) {
    error = {"EINVAL", "bind", name + " is not a numeric address"};
    return false;
  }
  if (wanted.port != 0 && !lock_.acquire(lockDirectory, name, error)) return false;
  const int on = 1;
  fd_ = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0 || ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (address.ss_family == AF_INET6 && ::setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)) {
    error = errnoError(errno, "socket", "cannot make a socket for " + name);
    return false;
  }
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) != 0) {
    error = errnoError(errno, "bind", "cannot listen on " + name);
    return false;
  }
  if (::listen(fd_, kBacklog) != 0) {
    error = errnoError(errno, "listen", "cannot listen on " + name);
    return false;
  }
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    error = errnoError(errno, "getsockname", "cannot listen on " + name);
    return false;
  }
  endpoint_ = endpointOf(address);
  return wanted.port != 0 || lock_.acquire(lockDirectory, toString(endpoint_), error);
}

}  // namespace postern
