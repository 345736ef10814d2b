// Numeric addresses and sockets.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "bytes.h"

namespace load {

struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
  int family() const { return address.ss_family; }
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&address); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&address); }
};

// Numeric host only.
Endpoint endpointOf(const std::string& host, uint16_t port);

// A socket closed with its owner.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { reset(); }
  Socket(Socket&& other) noexcept : fd_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Connected, blocking, with a time limit in seconds on each read and write. `source` may be empty.
Socket openTcp(const Endpoint& to, const std::string& source, int limitSec);
// Connected. Buffers are set as large as the system lets them be.
Socket openUdp(const Endpoint& to, const std::string& source, size_t bufferBytes);

// As many descriptors as the system allows; returns that number.
size_t raiseDescriptorLimit();
std::string systemError(const std::string& what);

}  // namespace load
