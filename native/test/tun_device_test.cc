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
