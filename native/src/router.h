// Inner destination address -> tunnel. Readers are the workers, on every packet, without a lock; the writer is whoever
// adopts or drops a tunnel (serialised by the pool).
#pragma once
#include <cstdint>
#include <memory>

#include "ip_prefix.h"
#include "tunnel_spec.h"

namespace postern {

// Which worker owns the address, and the tunnel's number there. `tunnel` 0 = none.
struct Route {
  uint32_t tunnel = 0;
  uint32_t worker = 0;
};

class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  // Writers, serialised by the caller. The newest owner of an address wins; remove() of an older one leaves it alone.
  void insert(Ipv4 address, Route route);
  void insert(const Ipv6& address, Route route);
  void insert(const IpPrefix& network, Route route);
  void remove(Ipv4 address, uint32_t tunnel);
  void remove(const Ipv6& address, uint32_t tunnel);
  void remove(const IpPrefix& network, uint32_t tunnel);
  // Readers, any thread, lock free: the address, else the longest network that holds it.
  Route find(Ipv4 address) const noexcept;
  Route find(const Ipv6& address) const noexcept;
  size_t size() const noexcept;  // addresses

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern
