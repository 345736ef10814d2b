// One direction of the protection of TLS records, AEAD suites only: sequence numbers, nonces, additional data. Sans I/O.
#pragma once
#include <openssl/evp.h>

#include <memory>

#include "record_keys.h"

namespace postern {

class RecordCipher {
 public:
  // Specification constants, RFC 8446 section 5, RFC 5246 section 6.2, RFC 5288, RFC 7905.
  static constexpr size_t kHeader = 5, kTag = 16, kExplicitNonce = 8;

  // `sequence` of the first record; `explicitNonce` of the first one sealed, GCM of TLS 1.2 only. nullptr when OpenSSL refuses.
  static std::unique_ptr<RecordCipher> create(const RecordSuite& suite, const RecordKeys& keys, bool seals, uint64_t sequence,
                                              uint64_t explicitNonce = 0);
  ~RecordCipher() { EVP_CIPHER_CTX_free(context_); }
  RecordCipher(const RecordCipher&) = delete;
  RecordCipher& operator=(const RecordCipher&) = delete;

  // Other keys from the next record on, which has sequence 0 (TLS 1.3).
  bool rekey(const RecordKeys& keys) noexcept;
  // Bytes before the ciphertext, and behind what a TLS 1.3 record wraps or a TLS 1.2 record holds.
  size_t prefix() const noexcept { return explicit_ ? kHeader + kExplicitNonce : kHeader; }
  uint64_t sequence() const noexcept { return sequence_; }

  // `length` bytes at `plain` become a whole record of outer type `type` at `into`: prefix() + length + kTag bytes. The two
  // may only overlap when plain == into + prefix(). Returns its length, 0 when OpenSSL refuses.
  size_t seal(uint8_t type, const uint8_t* plain, size_t length, uint8_t* into) noexcept;
  // A whole record, at least prefix() + kTag bytes, into `plain`, which has room for all but those. False: forged.
  bool open(ByteView record, uint8_t* plain) noexcept;

 private:
  RecordCipher() = default;
  // The nonce of the next record; begins its additional data.
  bool begin(const uint8_t* record, const uint8_t* explicitNonce, size_t plainLength) noexcept;

  EVP_CIPHER_CTX* context_ = nullptr;
  uint64_t sequence_ = 0, nonce_ = 0;
  uint8_t iv_[12] = {};
  bool tls13_ = false, explicit_ = false;
};

}  // namespace postern
