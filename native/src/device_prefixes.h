// Addresses and routes of the TUN device: whole values, of which the kernel hears the difference. One thread at a time.
#pragma once
#include <string>
#include <vector>

#include "worker_pool.h"

namespace postern {

class DevicePrefixes {
 public:
  // The first ones. False with `error` filled: the first that is refused.
  bool open(const std::string& device, const DeviceSpec& spec, OpError& error);
  // Others from now on. Those refused are told, each with its prefix in `op`, and tried again with the next call.
  std::vector<OpError> change(const DeviceSpec& spec);

 private:
  enum class Kind { kAddress, kRoute };
  using Prefixes = std::vector<std::string>;
  bool add(Kind kind, const std::string& text, OpError& error);
  void remove(Kind kind, const std::string& text);
  void follow(Kind kind, Prefixes& now, const Prefixes& wanted, std::vector<OpError>& refused);

  std::string device_;
  int index_ = 0;
  DeviceSpec now_;
};

}  // namespace postern
