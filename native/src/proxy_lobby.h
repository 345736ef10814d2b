// Connections of proxies that have not yet said whom they bring. They cost a descriptor and a few bytes, no TLS and no
// place of an address: how many there may be and for how long is bounded, whoever made them.
#pragma once
#include <sys/socket.h>

#include <memory>
#include <optional>
#include <vector>

#include "ip_prefix.h"
#include "proxy_header.h"

namespace postern {

// Networks whose connections begin with a PROXY header.
class TrustedProxies {
 public:
  explicit TrustedProxies(const std::vector<std::string>& networks);
  bool contains(const sockaddr_storage& peer) const noexcept;

 private:
  std::vector<IpPrefix> networks_;
};

class ProxyLobby {
 public:
  struct Guest {
    int fd = -1;
    sockaddr_storage proxy{};
    int64_t since = 0;  // milliseconds, monotonic
    ProxyHeader header;
  };
  explicit ProxyLobby(size_t places) : places_(places) {}
  ~ProxyLobby();
  ProxyLobby(const ProxyLobby&) = delete;
  ProxyLobby& operator=(const ProxyLobby&) = delete;

  // The guest's number; none when all places are taken: the descriptor is the caller's again.
  std::optional<uint32_t> enter(int fd, const sockaddr_storage& proxy, int64_t now);
  // Takes what has come of its header and nothing else from the socket. kBad also when the proxy is gone.
  ProxyHeader::State read(uint32_t guest);
  // Nobody under that number: a stale event.
  bool holds(uint32_t guest) const noexcept { return guest < guests_.size() && guests_[guest] != nullptr; }
  // It leaves with its descriptor.
  std::unique_ptr<Guest> leave(uint32_t guest);
  // One guest that came before `since`.
  std::optional<uint32_t> late(int64_t since) const noexcept;
  size_t size() const noexcept { return size_; }

 private:
  const size_t places_;
  size_t size_ = 0;
  std::vector<std::unique_ptr<Guest>> guests_;
};

}  // namespace postern
