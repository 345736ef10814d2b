// Listening sockets of the VPN port.
#pragma once
#include <sys/socket.h>

#include <string>

#include "endpoint.h"
#include "lock_file.h"

namespace postern {

Endpoint endpointOf(const sockaddr_storage& address);
// "192.0.2.1:443", "[2001:db8::1]:443"
std::string toString(const Endpoint& endpoint);

// One socket for all front threads: each waits on it with EPOLLEXCLUSIVE, so that a front at its handshake bound leaves
// the queue to the others, and no second process can join in (there is no SO_REUSEPORT).
class Listener {
 public:
  Listener() = default;
  Listener(Listener&& other) noexcept : lock_(std::move(other.lock_)), fd_(other.fd_), endpoint_(std::move(other.endpoint_)) { other.fd_ = -1; }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();
  // Lock, then bind; a port of 0 can be locked only when the kernel has chosen it.
  bool open(const Endpoint& wanted, const std::string& lockDirectory, OpError& error);
  int fd() const noexcept { return fd_; }
  const Endpoint& endpoint() const noexcept { return endpoint_; }

 private:
  LockFile lock_;
  int fd_ = -1;
  Endpoint endpoint_;
};

}  // namespace postern
