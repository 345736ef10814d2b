#include "tun_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "netlink.h"
#include "steering.h"
#include "virtio.h"

namespace postern {
namespace {

// Specification constants: newer than the headers of some systems we build on (Linux 6.2).
constexpr unsigned kTunUso4 = 0x20;
constexpr unsigned kTunUso6 = 0x40;

// Implementation constants.
constexpr uint32_t kQueueLength = 256;  // in super-packets: reference dataplane section 3.5

const char* errnoName(int code) {
  const char* name = ::strerrorname_np(code);
  return name != nullptr ? name : "EIO";
}

bool fail(OpError& error, int code, std::string op, std::string message) {
  error = {errnoName(code), std::move(op), std::move(message)};
  return false;
}

std::string reason(int code) { return std::strerror(code); }

bool failQueue(OpError& error, int code, const std::string& device) {
  const std::string op = "create TUN device " + device;
  switch (code) {
    case EBUSY: return fail(error, code, op, "a network device named " + device + " exists already");
    case EPERM: return fail(error, code, op, "not permitted: needs root or CAP_NET_ADMIN");
    case EINVAL: return fail(error, code, op, "the kernel refuses the device name or has no multi-queue TUN");
    default: return fail(error, code, op, reason(code));
  }
}

int openTun(OpError& error) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0) return fd;
  const int code = errno;
  const bool missing = code == ENOENT || code == ENODEV || code == ENXIO;
  if (missing) fail(error, code, "open /dev/net/tun", "no TUN driver here: load the module `tun`, or give the container /dev/net/tun");
  else if (code == EPERM || code == EACCES) fail(error, code, "open /dev/net/tun", "not permitted: needs root or CAP_NET_ADMIN");
  else fail(error, code, "open /dev/net/tun", reason(code));
  return -1;
}

}  // namespace

Offloads negotiateOffloads(const std::function<bool(unsigned)>& accepted) {
  const unsigned tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (accepted(tso | kTunUso4 | kTunUso6)) return {true, true, true, true, true};
  if (accepted(tso)) return {true, true, true, false, false};
  if (accepted(TUN_F_CSUM)) return {true, false, false, false, false};
  return {};
}

TunDevice::~TunDevice() { close(); }

void TunDevice::close() noexcept {
  for (const int fd : queues_) ::close(fd);
  queues_.clear();
}

std::unique_ptr<TunDevice> TunDevice::create(const WorkerPoolSpec& spec, uint32_t queues, OpError& error) {
  std::unique_ptr<TunDevice> device(new TunDevice);
  if (!device->openQueues(spec.device, queues, error)) return nullptr;
  // Device-wide: the last call on any queue wins, so one call is enough (reference dataplane section 8, 15).
  device->offloads_ = negotiateOffloads([fd = device->queue(0)](unsigned flags) { return ::ioctl(fd, TUNSETOFFLOAD, flags) == 0; });
  if (!device->configure(spec, error)) return nullptr;
  if (queues > 1) device->steered_ = steerQueues(device->queue(0));
  return device;
}

bool TunDevice::openQueues(const std::string& device, uint32_t queues, OpError& error) {
  if (device.empty() || device.size() >= IFNAMSIZ) {
    return fail(error, EINVAL, "create TUN device " + device, "a device name has 1 to 15 characters");
  }
  name_ = device;
  for (uint32_t i = 0; i < queues; ++i) {
    const int fd = openTun(error);
    if (fd < 0) return false;
    queues_.push_back(fd);
    ifreq request{};
    // Exclusive at first: joining the queues of another gateway's device would steal its packets.
    request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR | (i == 0 ? IFF_TUN_EXCL : 0));
    std::memcpy(request.ifr_name, name_.c_str(), name_.size() + 1);
    if (::ioctl(fd, TUNSETIFF, &request) != 0) return failQueue(error, errno, name_);
    name_ = request.ifr_name;  // %d is a number now
    int headerSize = sizeof(VirtioNetHeader);
    if (::ioctl(fd, TUNSETVNETHDRSZ, &headerSize) != 0) {
      return fail(error, errno, "TUNSETVNETHDRSZ " + name_, "the kernel's TUN has no 10-byte virtio header");
    }
  }
  return true;
}

bool TunDevice::configure(const WorkerPoolSpec& spec, OpError& error) {
  const int index = static_cast<int>(::if_nametoindex(name_.c_str()));
  if (index == 0) return fail(error, errno, "find TUN device " + name_, reason(errno));
  Netlink netlink;
  if (const int code = netlink.open()) return fail(error, code, "open rtnetlink", reason(code));
  if (const int code = netlink.configureLink(index, spec.mtu, kQueueLength)) {
    return fail(error, code, "set mtu " + std::to_string(spec.mtu) + " on " + name_, reason(code));
  }
  netlink.disableAutoAddress(index);  // refused where IPv6 is off, and not needed there
  if (const int code = netlink.bringUp(index)) return fail(error, code, "bring up " + name_, reason(code));
  return prefixes_.open(name_, {spec.addresses, spec.routes}, error);
}

std::vector<std::string> TunDevice::offloadNames() const {
  std::vector<std::string> names;
  if (offloads_.tso4) names.push_back("tso4");
  if (offloads_.tso6) names.push_back("tso6");
  if (offloads_.uso4) names.push_back("uso4");
  if (offloads_.uso6) names.push_back("uso6");
  if (offloads_.csum) names.push_back("csum");
  return names;
}

}  // namespace postern
