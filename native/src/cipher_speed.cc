#include "cipher_speed.h"

#include <time.h>

#include <algorithm>
#include <array>

#include "cpu.h"
#include "dtls_protection.h"

namespace postern {
namespace {

// Implementation constants.
constexpr size_t kRuns = 9, kRecords = 16, kPlain = 1400;
constexpr double kMargin = 1.25;

double cpuNs() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

struct Contestant {
  explicit Contestant(DtlsCipher cipher) {
    DtlsKeys keys;  // nobody else's
    keys.cipher = cipher;
    protection = createAeadProtection(keys);
    if (protection) record.resize(kPlain + protection->overhead());
  }
  void run(size_t at) {
    if (!protection) return;
    const double start = cpuNs();
    for (size_t i = 0; i < kRecords; ++i) protection->seal(record.data(), DtlsContent::kData, kPlain);
    runs[at] = (cpuNs() - start) / kRecords;
  }
  double median() {
    std::nth_element(runs.begin(), runs.begin() + kRuns / 2, runs.end());
    return runs[kRuns / 2];
  }

  std::unique_ptr<DtlsProtection> protection;
  Bytes record;
  std::array<double, kRuns> runs{};
};

}  // namespace

CipherSpeed measureCiphers() {
  Contestant aes(DtlsCipher::kAes256Gcm), chacha(DtlsCipher::kChaCha20Poly1305);
  for (size_t i = 0; i < kRuns; ++i) {
    aes.run(i);
    chacha.run(i);
  }
  return {aes.median(), chacha.median()};
}

bool prefersChacha(const CipherSpeed& speed, bool hasAes) noexcept {
  if (speed.aes256Gcm <= 0 || speed.chacha20 <= 0) return !hasAes;
  return hasAes ? speed.chacha20 * kMargin < speed.aes256Gcm : speed.aes256Gcm * kMargin >= speed.chacha20;
}

bool processorPrefersChacha() {
  static const bool prefers = prefersChacha(measureCiphers(), cpuHasAes());
  return prefers;
}

}  // namespace postern
