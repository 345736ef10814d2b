// What the memory of this process may be read by.
#pragma once
#include <sys/prctl.h>
#include <sys/resource.h>

namespace postern {

// Passwords and keys in the memory of this process never reach a core file, nor a pipe of core_pattern, nor a process of the
// same user that may not trace it.
inline void forbidCoreDumps() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace postern
