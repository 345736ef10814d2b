#include "netlink.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace postern {
namespace {

constexpr uint8_t kAddrGenModeNone = 1;  // IN6_ADDR_GEN_MODE_NONE

// A request under construction: netlink header, fixed body, attributes.
template <typename Body>
class Message {
 public:
  Message(uint16_t type, uint16_t flags) noexcept {
    auto* h = header();
    h->nlmsg_len = NLMSG_LENGTH(sizeof(Body));
    h->nlmsg_type = type;
    h->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  }
  Body& body() noexcept { return *reinterpret_cast<Body*>(NLMSG_DATA(header())); }
  rtattr* add(uint16_t type, const void* data, size_t size) noexcept {
    auto* attribute = reinterpret_cast<rtattr*>(bytes_ + NLMSG_ALIGN(header()->nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
    if (size != 0) std::memcpy(RTA_DATA(attribute), data, size);
    header()->nlmsg_len = static_cast<uint32_t>(NLMSG_ALIGN(header()->nlmsg_len) + RTA_ALIGN(attribute->rta_len));
    return attribute;
  }
  void close(rtattr* nest) noexcept {
    nest->rta_len = static_cast<uint16_t>(bytes_ + header()->nlmsg_len - reinterpret_cast<uint8_t*>(nest));
  }
  void* data() noexcept { return bytes_; }

 private:
  nlmsghdr* header() noexcept { return reinterpret_cast<nlmsghdr*>(bytes_); }
  alignas(nlmsghdr) uint8_t bytes_[256] = {};
};

}  // namespace

Netlink::~Netlink() {
  if (fd_ >= 0) ::close(fd_);
}

int Netlink::open() noexcept {
  fd_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  return fd_ < 0 ? errno : 0;
}

int Netlink::request(void* message) noexcept {
  auto* header = static_cast<nlmsghdr*>(message);
  header->nlmsg_seq = ++sequence_;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(fd_, header, header->nlmsg_len, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0) return errno;
  alignas(nlmsghdr) uint8_t answer[4096];
  for (;;) {
    const ssize_t n = ::recv(fd_, answer, sizeof answer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    auto left = static_cast<uint32_t>(n);
    for (auto* h = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
      if (h->nlmsg_seq != sequence_ || h->nlmsg_type != NLMSG_ERROR) continue;
      return -static_cast<nlmsgerr*>(NLMSG_DATA(h))->error;
    }
  }
}

int Netlink::configureLink(int index, uint32_t mtu, uint32_t queueLength) noexcept {
  Message<ifinfomsg> m(RTM_NEWLINK, 0);
  m.body().ifi_index = index;
  m.add(IFLA_MTU, &mtu, sizeof mtu);
  m.add(IFLA_TXQLEN, &queueLength, sizeof queueLength);
  return request(m.data());
}

int Netlink::disableAutoAddress(int index) noexcept {
  Message<ifinfomsg> m(RTM_NEWLINK, 0);
  m.body().ifi_index = index;
  rtattr* families = m.add(IFLA_AF_SPEC, nullptr, 0);
  rtattr* inet6 = m.add(AF_INET6, nullptr, 0);
  m.add(IFLA_INET6_ADDR_GEN_MODE, &kAddrGenModeNone, sizeof kAddrGenModeNone);
  m.close(inet6);
  m.close(families);
  return request(m.data());
}

int Netlink::bringUp(int index) noexcept {
  Message<ifinfomsg> m(RTM_NEWLINK, 0);
  m.body().ifi_index = index;
  m.body().ifi_flags = IFF_UP;
  m.body().ifi_change = IFF_UP;
  return request(m.data());
}

int Netlink::addAddress(int index, const IpPrefix& prefix) noexcept { return address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, prefix); }
int Netlink::removeAddress(int index, const IpPrefix& prefix) noexcept { return address(RTM_DELADDR, 0, index, prefix); }
int Netlink::addRoute(int index, const IpPrefix& prefix) noexcept { return route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, index, prefix); }
int Netlink::removeRoute(int index, const IpPrefix& prefix) noexcept { return route(RTM_DELROUTE, 0, index, prefix); }

int Netlink::address(uint16_t type, uint16_t flags, int index, const IpPrefix& prefix) noexcept {
  Message<ifaddrmsg> m(type, flags);
  m.body().ifa_family = prefix.ipv6 ? AF_INET6 : AF_INET;
  m.body().ifa_prefixlen = prefix.length;
  m.body().ifa_flags = prefix.ipv6 ? IFA_F_NODAD : 0;
  m.body().ifa_index = static_cast<uint32_t>(index);
  m.add(IFA_LOCAL, prefix.bytes.data(), prefix.size());
  m.add(IFA_ADDRESS, prefix.bytes.data(), prefix.size());
  return request(m.data());
}

int Netlink::route(uint16_t type, uint16_t flags, int index, const IpPrefix& prefix) noexcept {
  const IpPrefix network = prefix.network();
  Message<rtmsg> m(type, flags);
  m.body().rtm_family = prefix.ipv6 ? AF_INET6 : AF_INET;
  m.body().rtm_dst_len = prefix.length;
  m.body().rtm_table = RT_TABLE_MAIN;
  m.body().rtm_protocol = RTPROT_STATIC;
  m.body().rtm_scope = prefix.ipv6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  m.body().rtm_type = RTN_UNICAST;
  m.add(RTA_DST, network.bytes.data(), network.size());
  const auto device = static_cast<uint32_t>(index);
  m.add(RTA_OIF, &device, sizeof device);
  return request(m.data());
}

}  // namespace postern
