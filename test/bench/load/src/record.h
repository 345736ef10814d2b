// DTLS 1.2 records of epoch 1, sealed and opened by code of our own (RFC 5246 section 6.2.3, RFC 5288, RFC 7905, RFC 6347):
// the peer that checks the gateway's record layer shares nothing with it.
#pragma once
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <memory>

#include "bytes.h"

namespace load {

constexpr size_t kRecordHeader = 13;
constexpr uint8_t kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22, kApplicationData = 23;

struct Suite {
  enum class Kind : uint8_t { kGcm, kChaCha, kCbc };
  std::string name;
  Kind kind;
  size_t keyBytes, ivBytes, macBytes;
  const EVP_MD* prf;
  const EVP_MD* mac;  // CBC only
  const EVP_CIPHER* cipher;
};

// Throws for a suite this client cannot carry by itself.
Suite suiteOf(const SSL_CIPHER* cipher);

struct ContextFree {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextFree>;

// One direction of one association.
class Protection {
 public:
  Protection(const Suite& suite, View key, View iv, View macKey, bool seals);

  size_t prefix() const { return kRecordHeader + explicit_; }
  size_t overhead() const { return prefix() + trailer_; }

  // The plaintext of `length` bytes lies at record + prefix(). Returns the record's length.
  size_t seal(uint8_t* record, uint8_t type, uint64_t sequence, size_t length);
  // Opens in place; the plaintext, or nothing when the record does not authenticate.
  bool open(uint8_t* record, size_t length, uint8_t*& plain, size_t& plainLength);

  // GCM: the next explicit nonce; continues what OpenSSL's handshake used (it starts at random).
  uint64_t nonce = 0;
  // Writes another version, type or length than the true one into what is authenticated, for odd records.
  uint16_t epoch = 1;

 private:
  size_t sealCbc(uint8_t* record, uint8_t type, uint64_t sequence, size_t length);
  bool openCbc(uint8_t* record, size_t length, uint8_t*& plain, size_t& plainLength);
  void mac(const uint8_t* header, size_t length, const uint8_t* plain, uint8_t* out) const;
  Suite::Kind kind_;
  size_t explicit_, trailer_, macBytes_;
  const EVP_MD* digest_;
  uint8_t iv_[16] = {};
  Bytes macKey_;
  Context context_;
};

// TLS 1.2 key block for the client's side. `looped`: what is written can be read here, for checks of ourselves.
struct Keys {
  std::unique_ptr<Protection> write, read;
};
Keys deriveKeys(const Suite& suite, View master, View clientRandom, View serverRandom, bool looped = false);

}  // namespace load
