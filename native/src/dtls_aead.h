// DTLS 1.2 records under an AEAD suite: AES-GCM (RFC 5288) and ChaCha20-Poly1305 (RFC 7905), through OpenSSL's record
// mode: additional data by one parameter, then one call in place (reference dataplane sections 1.1 and 8.8).
#pragma once
#include <openssl/evp.h>

#include "dtls_protection.h"
#include "replay_window.h"

namespace postern {

class AeadProtection final : public DtlsProtection {
 public:
  // Specification constants. Forgeries after which a key has to go: RFC 9147 section 4.5.3, the same number for AES-GCM
  // and ChaCha20-Poly1305.
  static constexpr uint64_t kForgeries = uint64_t{1} << 36;
  // Sequence numbers have 48 bits; ours end well before.
  static constexpr uint64_t kLastSequence = (uint64_t{1} << 48) - (uint64_t{1} << 32);
  static constexpr size_t kMaxPlain = 1 << 14;

  // nullptr when OpenSSL cannot make the cipher.
  static std::unique_ptr<AeadProtection> create(const DtlsKeys& keys, uint64_t forgeries);
  ~AeadProtection() override;
  AeadProtection(const AeadProtection&) = delete;
  AeadProtection& operator=(const AeadProtection&) = delete;

  size_t prefix() const noexcept override { return kDtlsHeader + explicit_; }
  size_t overhead() const noexcept override { return kDtlsHeader + explicit_ + kAeadTag; }
  size_t seal(uint8_t* record, DtlsContent type, size_t length) noexcept override;
  bool newer(ByteView record) noexcept override;
  Opened open(ByteSpan record, ByteSpan& plain, DtlsContent& type) noexcept override;

 private:
  // kData: may be opened.
  Opened examine(ByteView record, uint64_t& sequence) const noexcept;
  Opened forged() noexcept;
  AeadProtection(const DtlsKeys& keys, uint64_t forgeries) noexcept;

  ReplayWindow window_;
  EVP_CIPHER_CTX* read_ = nullptr;
  EVP_CIPHER_CTX* write_ = nullptr;
  size_t explicit_;  // bytes of the nonce that travel in the record
  uint64_t writeSequence_;
  uint64_t forgeries_;
  bool exhausted_ = false;
};

}  // namespace postern
