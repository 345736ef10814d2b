#include "record_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <algorithm>
#include <cstring>

namespace postern {
namespace {

constexpr size_t kRandom = 32, kMaster = 48;
constexpr char kKeyExpansion[] = "key expansion";

bool derive(EVP_KDF* kdf, const OSSL_PARAM* params, ByteSpan into) {
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
  const bool good = context != nullptr && EVP_KDF_derive(context, into.data(), into.size(), params) == 1;
  EVP_KDF_CTX_free(context);
  return good;
}

OSSL_PARAM digestParam(const char* name) { return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(name), 0); }
OSSL_PARAM octets(const char* key, const uint8_t* at, size_t length) {
  return OSSL_PARAM_construct_octet_string(key, const_cast<uint8_t*>(at), length);
}

}  // namespace

RecordKeys::~RecordKeys() { OPENSSL_cleanse(this, sizeof *this); }

std::optional<RecordSuite> recordSuite(const SSL* ssl) {
  // Fetched once, never freed: threads may still use them while the process exits.
  static const EVP_CIPHER* const aes128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  static const EVP_CIPHER* const aes256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  static const EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl);
  const EVP_MD* digest = cipher == nullptr ? nullptr : SSL_CIPHER_get_handshake_digest(cipher);
  if (digest == nullptr) return std::nullopt;
  RecordSuite suite;
  suite.digest = EVP_MD_get0_name(digest);
  suite.tls13 = SSL_version(ssl) == TLS1_3_VERSION;
  if (!suite.tls13 && SSL_version(ssl) != TLS1_2_VERSION) return std::nullopt;
  switch (SSL_CIPHER_get_cipher_nid(cipher)) {
    case NID_aes_128_gcm: suite.cipher = aes128; break;
    case NID_aes_256_gcm: suite.cipher = aes256; break;
    case NID_chacha20_poly1305: suite.cipher = chacha; break;
    default: return std::nullopt;
  }
  if (suite.cipher == nullptr) return std::nullopt;
  suite.gcm = suite.cipher != chacha;
  suite.keyLength = static_cast<size_t>(EVP_CIPHER_get_key_length(suite.cipher));
  return suite;
}

bool expandLabel(const char* digest, ByteView secret, const char* label, ByteSpan into) {
  static EVP_KDF* const hkdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  if (hkdf == nullptr) return false;
  static constexpr char kPrefix[] = "tls13 ";
  uint8_t info[64];
  const size_t length = std::strlen(label), prefixed = sizeof kPrefix - 1 + length;
  if (prefixed + 4 > sizeof info) return false;
  info[0] = static_cast<uint8_t>(into.size() >> 8);
  info[1] = static_cast<uint8_t>(into.size());
  info[2] = static_cast<uint8_t>(prefixed);
  std::memcpy(info + 3, kPrefix, sizeof kPrefix - 1);
  std::memcpy(info + 3 + sizeof kPrefix - 1, label, length);
  info[3 + prefixed] = 0;
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  const OSSL_PARAM params[] = {
      digestParam(digest), OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode), octets(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
      octets(OSSL_KDF_PARAM_INFO, info, prefixed + 4), OSSL_PARAM_construct_end()};
  return derive(hkdf, params, into);
}

bool tls13Keys(const RecordSuite& suite, ByteView secret, RecordKeys& into) {
  return expandLabel(suite.digest, secret, "key", {into.key, suite.keyLength}) && expandLabel(suite.digest, secret, "iv", into.iv);
}

bool tls12Keys(const RecordSuite& suite, const SSL* ssl, RecordKeys& read, RecordKeys& write) {
  static EVP_KDF* const prf = EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr);
  const SSL_SESSION* session = SSL_get_session(ssl);
  if (prf == nullptr || session == nullptr) return false;
  uint8_t master[kMaster], seed[sizeof kKeyExpansion - 1 + 2 * kRandom], block[2 * (sizeof read.key + sizeof read.iv)];
  if (SSL_SESSION_get_master_key(session, master, sizeof master) != sizeof master) return false;
  std::memcpy(seed, kKeyExpansion, sizeof kKeyExpansion - 1);
  uint8_t* const randoms = seed + sizeof kKeyExpansion - 1;
  SSL_get_server_random(ssl, randoms, kRandom);
  SSL_get_client_random(ssl, randoms + kRandom, kRandom);
  const size_t iv = suite.gcm ? 4 : sizeof read.iv;
  const OSSL_PARAM params[] = {digestParam(suite.digest), octets(OSSL_KDF_PARAM_SECRET, master, sizeof master),
                               octets(OSSL_KDF_PARAM_SEED, seed, sizeof seed), OSSL_PARAM_construct_end()};
  const bool good = derive(prf, params, ByteSpan(block).first(2 * (suite.keyLength + iv)));
  const uint8_t* at = block;
  for (auto [into, length] : {std::pair{read.key, suite.keyLength}, {write.key, suite.keyLength}, {read.iv, iv}, {write.iv, iv}}) {
    std::copy_n(at, length, into);
    at += length;
  }
  OPENSSL_cleanse(master, sizeof master);
  OPENSSL_cleanse(block, sizeof block);
  return good;
}

}  // namespace postern
