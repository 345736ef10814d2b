// One lock file for each listen address keeps a second gateway off it. Two processes that share a port by accident
// would silently split the clients between them.
#pragma once
#include <string>

#include "worker_pool.h"

namespace postern {

class LockFile {
 public:
  LockFile() = default;
  LockFile(LockFile&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();
  // `address` as a person writes it: "0.0.0.0:443". EADDRINUSE names the holder's pid. Held until destruction or
  // until the process ends; the file itself stays.
  bool acquire(const std::string& directory, const std::string& address, OpError& error);

 private:
  int fd_ = -1;
};

}  // namespace postern
