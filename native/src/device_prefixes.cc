#include "device_prefixes.h"

#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "ip_prefix.h"
#include "netlink.h"

namespace postern {
namespace {

bool fail(OpError& error, int code, const std::string& op, const std::string& message) {
  const char* name = ::strerrorname_np(code);
  error = {name != nullptr ? name : "EIO", op, message};
  return false;
}

bool isIpv6(const std::string& text) { return text.find(':') != std::string::npos; }

}  // namespace

bool DevicePrefixes::open(const std::string& device, const DeviceSpec& spec, OpError& error) {
  device_ = device;
  index_ = static_cast<int>(::if_nametoindex(device.c_str()));
  if (index_ == 0) return fail(error, errno, "find TUN device " + device, std::strerror(errno));
  for (const std::string& text : spec.addresses) {
    if (!add(Kind::kAddress, text, error)) return false;
  }
  for (const std::string& text : spec.routes) {
    if (!add(Kind::kRoute, text, error)) return false;
  }
  now_ = spec;
  return true;
}

std::vector<OpError> DevicePrefixes::change(const DeviceSpec& spec) {
  std::vector<OpError> refused;
  follow(Kind::kAddress, now_.addresses, spec.addresses, refused);
  follow(Kind::kRoute, now_.routes, spec.routes, refused);
  return refused;
}

// IPv6 has an address once, whatever its prefix length, so the old one goes first; IPv4 has it twice for a moment, and no
// packet is without a route.
void DevicePrefixes::follow(Kind kind, Prefixes& now, const Prefixes& wanted, std::vector<OpError>& refused) {
  const std::unordered_set<std::string> have(now.begin(), now.end()), want(wanted.begin(), wanted.end());
  const auto drop = [&](bool ipv6) {
    for (const std::string& text : have) {
      if (!want.contains(text) && isIpv6(text) == ipv6) remove(kind, text);
    }
  };
  drop(true);
  Prefixes next;
  for (const std::string& text : want) {
    OpError error;
    if (have.contains(text) || add(kind, text, error)) next.push_back(text);
    else refused.push_back(std::move(error));
  }
  drop(false);
  now = std::move(next);
}

bool DevicePrefixes::add(Kind kind, const std::string& text, OpError& error) {
  const bool address = kind == Kind::kAddress;
  const std::string op = (address ? "add address " : "add route ") + text + " to " + device_;
  IpPrefix prefix;
  if (!parsePrefix(text, prefix)) return fail(error, EINVAL, op, address ? "not an address with prefix length" : "not a prefix");
  Netlink netlink;
  int code = netlink.open();
  if (code == 0) code = address ? netlink.addAddress(index_, prefix) : netlink.addRoute(index_, prefix);
  if (code == 0) return true;
  const bool noIpv6 = prefix.ipv6 && (code == EACCES || code == EOPNOTSUPP || code == EPERM);
  if (noIpv6) return fail(error, code, op, "IPv6 is switched off in this kernel or for this device");
  return fail(error, code, op, !address && code == EEXIST ? "this prefix has a route already" : std::strerror(code));
}

// What is gone already is gone.
void DevicePrefixes::remove(Kind kind, const std::string& text) {
  IpPrefix prefix;
  Netlink netlink;
  if (!parsePrefix(text, prefix) || netlink.open() != 0) return;
  if (kind == Kind::kAddress) netlink.removeAddress(index_, prefix);
  else netlink.removeRoute(index_, prefix);
}

}  // namespace postern
