#include "dtls_aead.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <cstring>

#include "byte_order.h"

namespace postern {
namespace {

constexpr uint16_t kEpoch = 1;
constexpr size_t kAad = 13;  // sequence with its epoch, type, version, length of the plaintext

// Fetched once; living as long as the process spares every association the search through the providers.
const EVP_CIPHER* evpCipher(DtlsCipher cipher) {
  static const EVP_CIPHER* const aes256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  static const EVP_CIPHER* const aes128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  static const EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  switch (cipher) {
    case DtlsCipher::kAes256Gcm: return aes256;
    case DtlsCipher::kAes128Gcm: return aes128;
    case DtlsCipher::kChaCha20Poly1305: return chacha;
    case DtlsCipher::kCbc: break;
  }
  return nullptr;
}

bool isGcm(DtlsCipher cipher) { return cipher == DtlsCipher::kAes256Gcm || cipher == DtlsCipher::kAes128Gcm; }

// A context in record mode. GCM's own counter starts at `nonce` when it writes; when it reads, each record brings its nonce.
EVP_CIPHER_CTX* makeContext(const DtlsKeys& keys, bool write) {
  const EVP_CIPHER* cipher = evpCipher(keys.cipher);
  EVP_CIPHER_CTX* context = cipher == nullptr ? nullptr : EVP_CIPHER_CTX_new();
  if (context == nullptr) return nullptr;
  uint8_t iv[12];
  std::memcpy(iv, write ? keys.writeIv : keys.readIv, sizeof iv);
  bool good = EVP_CipherInit_ex2(context, cipher, write ? keys.writeKey : keys.readKey, nullptr, write ? 1 : 0, nullptr) == 1;
  if (isGcm(keys.cipher)) {
    store64(iv + 4, write ? keys.writeNonce : 0);
    good = good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IV_FIXED, -1, iv) > 0;
  } else {
    good = good && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IV_FIXED, sizeof iv, iv) > 0;
  }
  OPENSSL_cleanse(iv, sizeof iv);
  if (good) return context;
  EVP_CIPHER_CTX_free(context);
  return nullptr;
}

// `length`: what record mode wants there, explicit nonce and plaintext when it seals, everything behind the header when
// it opens. `body` is that, in place.
bool crypt(EVP_CIPHER_CTX* context, const uint8_t* header, size_t length, uint8_t* body, size_t size) noexcept {
  uint8_t aad[kAad];
  std::memcpy(aad, header + 3, 8);
  std::memcpy(aad + 8, header, 3);
  store16(aad + 11, static_cast<uint16_t>(length));
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, aad, sizeof aad), OSSL_PARAM_construct_end()};
  return EVP_CIPHER_CTX_set_params(context, params) > 0 && EVP_Cipher(context, body, body, static_cast<unsigned>(size)) >= 0;
}

}  // namespace

AeadProtection::AeadProtection(const DtlsKeys& keys, uint64_t forgeries) noexcept
    : window_(keys.readHighest), explicit_(isGcm(keys.cipher) ? kGcmExplicitNonce : 0), writeSequence_(keys.writeSequence), forgeries_(forgeries) {}

std::unique_ptr<AeadProtection> AeadProtection::create(const DtlsKeys& keys, uint64_t forgeries) {
  std::unique_ptr<AeadProtection> made(new AeadProtection(keys, forgeries));
  made->read_ = makeContext(keys, false);
  made->write_ = makeContext(keys, true);
  if (made->read_ != nullptr && made->write_ != nullptr) return made;
  ERR_clear_error();
  return nullptr;
}

AeadProtection::~AeadProtection() {
  EVP_CIPHER_CTX_free(read_);
  EVP_CIPHER_CTX_free(write_);
}

size_t AeadProtection::seal(uint8_t* record, DtlsContent type, size_t length) noexcept {
  if (exhausted_ || length > kMaxPlain) return 0;
  if (writeSequence_ > kLastSequence) {
    exhausted_ = true;
    return 0;
  }
  const size_t body = explicit_ + length + kAeadTag;
  record[0] = static_cast<uint8_t>(type);
  store16(record + 1, kDtls12);
  store64(record + 3, uint64_t{kEpoch} << 48 | writeSequence_);
  store16(record + 11, static_cast<uint16_t>(body));
  if (!crypt(write_, record, explicit_ + length, record + kDtlsHeader, body)) {
    ERR_clear_error();
    exhausted_ = true;
    return 0;
  }
  ++writeSequence_;
  if (explicit_ != 0) wear_.record(length);
  return kDtlsHeader + body;
}

DtlsProtection::Opened AeadProtection::examine(ByteView record, uint64_t& sequence) const noexcept {
  if (exhausted_) return Opened::kExhausted;
  if (record.empty() || dtlsRecordLength(record) != record.size() || load16(record.data() + 1) != kDtls12) return Opened::kMalformed;
  const uint64_t numbered = load64(record.data() + 3);
  const size_t body = record.size() - kDtlsHeader;
  if (numbered >> 48 != kEpoch || body < explicit_ + kAeadTag || body > explicit_ + kMaxPlain + kAeadTag) return Opened::kMalformed;
  sequence = numbered & ((uint64_t{1} << 48) - 1);
  return window_.fresh(sequence) ? Opened::kData : Opened::kReplayed;
}

DtlsProtection::Opened AeadProtection::forged() noexcept {
  // Else a TLS channel of this thread would take the error for its own.
  ERR_clear_error();
  if (++forgeries_ < kForgeries) return Opened::kForged;
  exhausted_ = true;
  return Opened::kExhausted;
}

bool AeadProtection::newer(ByteView record) noexcept {
  uint64_t sequence = 0;
  if (examine(record, sequence) != Opened::kData || sequence <= window_.highest()) return false;
  Bytes copy(record.begin(), record.end());
  const size_t body = copy.size() - kDtlsHeader;
  if (crypt(read_, copy.data(), body, copy.data() + kDtlsHeader, body)) return true;
  forged();
  return false;
}

DtlsProtection::Opened AeadProtection::open(ByteSpan record, ByteSpan& plain, DtlsContent& type) noexcept {
  uint64_t sequence = 0;
  if (const Opened seen = examine(record, sequence); seen != Opened::kData) return seen;
  const size_t body = record.size() - kDtlsHeader;
  if (!crypt(read_, record.data(), body, record.data() + kDtlsHeader, body)) return forged();
  window_.mark(sequence);
  if (explicit_ != 0) wear_.record(body);
  plain = record.subspan(kDtlsHeader + explicit_, body - explicit_ - kAeadTag);
  type = static_cast<DtlsContent>(record[0]);
  return Opened::kData;
}

}  // namespace postern
