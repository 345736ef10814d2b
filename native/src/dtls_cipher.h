// The cipher suites a DTLS channel may use (reference protocol section 9).
#pragma once
#include <cstddef>
#include <cstdint>

namespace postern {

enum class DtlsCipher : uint8_t { kAes256Gcm, kAes128Gcm, kChaCha20Poly1305, kCbc };

// Specification constants: TLS 1.2 record protection (RFC 5288, 7905), DTLS record header (RFC 6347 section 4.1).
inline constexpr size_t kDtlsHeader = 13;
inline constexpr size_t kAeadTag = 16;
inline constexpr size_t kGcmExplicitNonce = 8;
inline constexpr uint16_t kDtls12 = 0xfefd;

enum class DtlsContent : uint8_t { kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22, kData = 23 };

}  // namespace postern
