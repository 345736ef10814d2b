#include "lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "op_error.h"

namespace postern {

LockFile::~LockFile() {
  if (fd_ >= 0) ::close(fd_);
}

bool LockFile::acquire(const std::string& directory, const std::string& address, OpError& error) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    error = errnoError(errno, "lock", "cannot make the lock directory " + directory);
    return false;
  }
  const std::string path = directory + "/listen-" + address + ".lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) {
    error = errnoError(errno, "lock", "cannot open " + path);
    return false;
  }
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      error = errnoError(errno, "lock", "cannot lock " + path);
      return false;
    }
    char pid[24] = {};
    const ssize_t n = ::pread(fd_, pid, sizeof pid - 1, 0);
    const std::string holder = n > 0 ? std::string(pid, static_cast<size_t>(n)) : "unknown";
    error = {"EADDRINUSE", "lock", address + " is held by another postern (pid " + holder + ")"};
    return false;
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
    error = errnoError(errno, "lock", "cannot write " + path);
    return false;
  }
  return true;
}

}  // namespace postern
