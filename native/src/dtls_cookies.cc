#include "dtls_cookies.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "byte_order.h"

namespace postern {
namespace {

constexpr size_t kSecret = 32;
constexpr uint64_t kNone = UINT64_MAX;
using Secret = std::array<uint64_t, kSecret / 8>;
using Cookie = std::array<uint8_t, kDtlsCookie>;

// The secret of one period. Whoever reads it while it is replaced finds the period changed.
struct Slot {
  std::atomic<uint64_t> period{kNone};
  std::array<std::atomic<uint64_t>, kSecret / 8> words{};

  bool read(uint64_t wanted, Secret& into) const noexcept {
    if (period.load(std::memory_order_acquire) != wanted) return false;
    for (size_t i = 0; i < into.size(); ++i) into[i] = words[i].load(std::memory_order_acquire);
    return period.load(std::memory_order_relaxed) == wanted;
  }
  void write(uint64_t next, const Secret& from) noexcept {
    period.store(kNone, std::memory_order_relaxed);
    for (size_t i = 0; i < from.size(); ++i) words[i].store(from[i], std::memory_order_release);
    period.store(next, std::memory_order_release);
  }
};

Cookie mac(const Secret& secret, const UdpPeer& peer, const ClientHello& hello) noexcept {
  std::array<uint8_t, 16 + 2 + 1 + 32 + 32> input{};
  uint8_t* at = std::copy(peer.address.begin(), peer.address.end(), input.data());
  store16(at, peer.port);
  at[2] = static_cast<uint8_t>(hello.sessionId.size());
  at = std::copy(hello.sessionId.begin(), hello.sessionId.end(), at + 3);
  at = std::copy(hello.random.begin(), hello.random.end(), at);
  Cookie cookie{};
  HMAC(EVP_sha256(), secret.data(), kSecret, input.data(), static_cast<size_t>(at - input.data()), cookie.data(), nullptr);
  return cookie;
}

}  // namespace

struct DtlsCookies::Impl {
  std::mutex mutex;
  std::array<Slot, 4> slots;  // by period: a reader has two periods before its slot is written again
  Slot& slot(uint64_t period) noexcept { return slots[period % slots.size()]; }

  // False when there is no randomness.
  bool secretOf(uint64_t period, Secret& into) noexcept {
    if (slot(period).read(period, into)) return true;
    std::lock_guard lock(mutex);
    if (slot(period).read(period, into)) return true;
    if (RAND_bytes(reinterpret_cast<unsigned char*>(into.data()), kSecret) != 1) return false;
    slot(period).write(period, into);
    return true;
  }
};

DtlsCookies::DtlsCookies() : impl_(std::make_unique<Impl>()) {}
DtlsCookies::~DtlsCookies() = default;

std::array<uint8_t, kDtlsCookie> DtlsCookies::make(const UdpPeer& peer, const ClientHello& hello, uint64_t nowMs) noexcept {
  Secret secret{};
  if (!impl_->secretOf(nowMs / kPeriodMs, secret)) return {};  // good for nothing: no slot holds this secret
  const Cookie cookie = mac(secret, peer, hello);
  OPENSSL_cleanse(secret.data(), kSecret);
  return cookie;
}

bool DtlsCookies::check(const UdpPeer& peer, const ClientHello& hello, uint64_t nowMs) noexcept {
  if (hello.cookie.size() != kDtlsCookie) return false;
  const uint64_t period = nowMs / kPeriodMs;
  bool good = false;
  for (uint64_t back = 0; back < 2 && !good && back <= period; ++back) {
    Secret secret;
    if (!impl_->slot(period - back).read(period - back, secret)) continue;
    good = CRYPTO_memcmp(mac(secret, peer, hello).data(), hello.cookie.data(), kDtlsCookie) == 0;
    OPENSSL_cleanse(secret.data(), kSecret);
  }
  return good;
}

}  // namespace postern
