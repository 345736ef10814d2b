// Does the processor encrypt AES in hardware? Without it ChaCha20 is several times faster.
#pragma once
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace postern {

inline bool cpuHasAes() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  unsigned int a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_AES) != 0;
#elif defined(__aarch64__)
  return (getauxval(AT_HWCAP) & 1u << 3) != 0;  // HWCAP_AES
#else
  return false;
#endif
}

}  // namespace postern
