// rtnetlink (RFC 3549, rtnetlink(7)): what the TUN device needs, without an external `ip`.
#pragma once
#include <cstdint>

#include "ip_prefix.h"

namespace postern {

// All calls return 0 or an errno value. One thread.
class Netlink {
 public:
  Netlink() = default;
  ~Netlink();
  Netlink(const Netlink&) = delete;
  Netlink& operator=(const Netlink&) = delete;

  int open() noexcept;
  int configureLink(int index, uint32_t mtu, uint32_t queueLength) noexcept;
  // Keeps the kernel from inventing a link-local address (and its MLD and router solicitations) on the device.
  int disableAutoAddress(int index) noexcept;
  int bringUp(int index) noexcept;
  int addAddress(int index, const IpPrefix& prefix) noexcept;  // at once usable: no duplicate address detection
  int addRoute(int index, const IpPrefix& prefix) noexcept;    // host bits are cleared
  int removeAddress(int index, const IpPrefix& prefix) noexcept;
  int removeRoute(int index, const IpPrefix& prefix) noexcept;  // one that addRoute made

 private:
  int address(uint16_t type, uint16_t flags, int index, const IpPrefix& prefix) noexcept;
  int route(uint16_t type, uint16_t flags, int index, const IpPrefix& prefix) noexcept;
  int request(void* message) noexcept;
  int fd_ = -1;
  uint32_t sequence_ = 0;
};

}  // namespace postern
