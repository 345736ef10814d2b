// The TUN device all workers share: one queue each, virtio headers, as much offload as the kernel accepts
// (reference dataplane sections 1.3 and 4). Not persistent: it is gone when its descriptors are closed.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device_prefixes.h"
#include "worker_pool.h"

namespace postern {

struct Offloads {
  bool csum = false, tso4 = false, tso6 = false, uso4 = false, uso6 = false;
};

// The most that `accepted` takes of TUNSETOFFLOAD's flags: all, without USO (before Linux 6.2), checksums alone, nothing.
Offloads negotiateOffloads(const std::function<bool(unsigned flags)>& accepted);

class TunDevice {
 public:
  // Creates, configures and brings up the device. nullptr with `error` filled; nothing is left behind then.
  static std::unique_ptr<TunDevice> create(const WorkerPoolSpec& spec, uint32_t queues, OpError& error);
  ~TunDevice();
  TunDevice(const TunDevice&) = delete;
  TunDevice& operator=(const TunDevice&) = delete;

  // Takes the device away; the workers must have ended. Idempotent.
  void close() noexcept;
  const std::string& name() const noexcept { return name_; }
  int queue(uint32_t i) const noexcept { return queues_[i]; }
  const Offloads& offloads() const noexcept { return offloads_; }
  std::vector<std::string> offloadNames() const;
  bool steered() const noexcept { return steered_; }
  DevicePrefixes& prefixes() noexcept { return prefixes_; }

 private:
  TunDevice() = default;
  bool openQueues(const std::string& device, uint32_t queues, OpError& error);
  bool configure(const WorkerPoolSpec& spec, OpError& error);

  std::string name_;
  std::vector<int> queues_;
  Offloads offloads_;
  DevicePrefixes prefixes_;
  bool steered_ = false;
};

}  // namespace postern
