// The TUN device: what is said when it cannot be, and that nothing stays behind.
#include "tun_device.h"

#include <net/if.h>

#include "gateway.h"

using namespace postern;
using namespace postern::test;

namespace {

OpError refused(const WorkerPoolSpec& spec) {
  OpError error;
  CHECK(TunDevice::create(spec, 1, error) == nullptr);
  return error;
}

}  // namespace

TEST_CASE("a device with two queues, addresses and a route") {
  NEEDS_NETWORK();
  OpError error;
  auto device = TunDevice::create({"ptdev%d", {"10.30.0.1/16", "fd30::1/64"}, {"10.31.7.9/16", "fd31::/64"}, 1350, 0}, 2, error);
  REQUIRE_MESSAGE(device != nullptr, error.op, ": ", error.message);
  CHECK(device->name().substr(0, 5) == "ptdev");
  CHECK(device->name().find('%') == std::string::npos);
  CHECK(device->offloads().csum);
  CHECK(device->offloads().tso4);
  const std::vector<std::string> names = device->offloadNames();
  CHECK(names.front() == "tso4");
  CHECK(names.back() == "csum");
  const int probe = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(0x0a1fffff - 1);  // in the route
  CHECK(::connect(probe, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  ::close(probe);
  device->close();
  CHECK(::if_nametoindex(device->name().c_str()) == 0);
}

TEST_CASE("each failure names what failed, and leaves no device") {
  NEEDS_NETWORK();
  OpError error;
  auto first = TunDevice::create({"ptonce", {}, {}, 1400, 0}, 1, error);
  REQUIRE(first != nullptr);
  const OpError taken = refused({"ptonce", {}, {}, 1400, 0});
  CHECK(taken.code == "EBUSY");
  CHECK(taken.message.find("ptonce") != std::string::npos);
  CHECK(refused({"lo", {}, {}, 1400, 0}).code == "EBUSY");
  CHECK(refused({"a-name-with-16-c", {}, {}, 1400, 0}).code == "EINVAL");
  CHECK(refused({"", {}, {}, 1400, 0}).code == "EINVAL");
  for (const char* address : {"10.0.0.256/8", "10.0.0.1/33", "fd00::1/129", "10.0.0.1/", "10.0.0.1/x", "host/8"}) {
    const OpError bad = refused({"ptbad", {address}, {}, 1400, 0});
    CHECK(bad.code == "EINVAL");
    CHECK(bad.op.find(address) != std::string::npos);
  }
  CHECK(refused({"ptbad", {"10.1.0.1/24", "10.1.0.1/24"}, {}, 1400, 0}).code == "EEXIST");
  CHECK(refused({"ptbad", {}, {"10.1.0.0/24", "10.1.0.0/24"}, 1400, 0}).code == "EEXIST");
  CHECK(refused({"ptbad", {}, {}, 10, 0}).code == "EINVAL");
  CHECK(::if_nametoindex("ptbad") == 0);
}

TEST_CASE("addresses and routes change as a whole, and what is refused keeps nothing from the others") {
  NEEDS_NETWORK();
  OpError error;
  auto device = TunDevice::create({"ptchg%d", {"10.32.0.1/24", "fd32::1/64"}, {"10.33.0.0/16"}, 1400, 0}, 1, error);
  REQUIRE_MESSAGE(device != nullptr, error.op, ": ", error.message);
  const auto reaches = [&](const char* address) {
    const bool ipv6 = std::string(address).find(':') != std::string::npos;
    const int probe = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    sockaddr_storage to{};
    to.ss_family = ipv6 ? AF_INET6 : AF_INET;
    void* at = ipv6 ? static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(to).sin6_addr) : &reinterpret_cast<sockaddr_in&>(to).sin_addr;
    REQUIRE(::inet_pton(to.ss_family, address, at) == 1);
    (ipv6 ? reinterpret_cast<sockaddr_in6&>(to).sin6_port : reinterpret_cast<sockaddr_in&>(to).sin_port) = htons(9);
    REQUIRE(::setsockopt(probe, SOL_SOCKET, SO_BINDTODEVICE, device->name().c_str(), static_cast<socklen_t>(device->name().size())) == 0);
    const bool good = ::connect(probe, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    ::getsockname(probe, reinterpret_cast<sockaddr*>(&from), &length);
    ::close(probe);
    return good;
  };
  const auto assigned = [&](const char* address) {
    const bool ipv6 = std::string(address).find(':') != std::string::npos;
    const int probe = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    sockaddr_storage at{};
    at.ss_family = ipv6 ? AF_INET6 : AF_INET;
    void* into = ipv6 ? static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(at).sin6_addr) : &reinterpret_cast<sockaddr_in&>(at).sin_addr;
    REQUIRE(::inet_pton(at.ss_family, address, into) == 1);
    const bool good = ::bind(probe, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
    ::close(probe);
    return good;
  };
  CHECK(reaches("10.33.7.7"));
  // One grows in both families, one is new, a route goes and one comes; twice the same value costs nothing.
  const DeviceSpec next{{"10.32.0.1/16", "fd32::1/48", "10.34.0.1/24"}, {"10.35.0.0/16", "fd35::/64"}};
  CHECK(device->prefixes().change(next).empty());
  CHECK(device->prefixes().change(next).empty());
  CHECK(assigned("10.32.0.1"));
  CHECK(assigned("fd32::1"));
  CHECK(assigned("10.34.0.1"));
  CHECK(reaches("10.32.200.1"));
  CHECK(reaches("fd32:0:0:77::1"));
  CHECK(reaches("10.35.7.7"));
  CHECK(reaches("fd35::7"));
  const auto refused = device->prefixes().change({{"10.32.0.1/16", "10.36.0.1/33"}, {"10.32.0.0/16", "10.37.0.0/16"}});
  REQUIRE(refused.size() == 2);
  CHECK(refused[0].op.find("10.36.0.1/33") != std::string::npos);
  CHECK(refused[1].op.find("10.32.0.0/16") != std::string::npos);
  CHECK(refused[1].message == "this prefix has a route already");
  CHECK(reaches("10.37.7.7"));
  CHECK_FALSE(assigned("10.34.0.1"));
  CHECK_FALSE(assigned("fd32::1"));
  CHECK_FALSE(reaches("fd35::7"));
}
