#include "record.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

namespace load {
namespace {

constexpr size_t kTag = 16;

void authenticated(const uint8_t* record, size_t length, uint8_t out[13]) {
  std::memcpy(out, record + 3, 8);  // epoch and sequence
  std::memcpy(out + 8, record, 3);  // type and version
  put16(out + 11, length);
}

Bytes prf(const EVP_MD* digest, View secret, std::string_view label, View first, View second, size_t length) {
  Bytes seed(label.begin(), label.end());
  seed.insert(seed.end(), first.begin(), first.end());
  seed.insert(seed.end(), second.begin(), second.end());
  // P_hash of RFC 5246 section 5.
  const size_t size = size_t(EVP_MD_get_size(digest));
  const auto hmac = [&](View data) {
    Bytes out(size);
    HMAC(digest, secret.data(), int(secret.size()), data.data(), data.size(), out.data(), nullptr);
    return out;
  };
  Bytes result, a = seed;
  while (result.size() < length) {
    a = hmac(a);
    Bytes both = a;
    both.insert(both.end(), seed.begin(), seed.end());
    const Bytes block = hmac(both);
    result.insert(result.end(), block.begin(), block.end());
  }
  result.resize(length);
  return result;
}

}  // namespace

Suite suiteOf(const SSL_CIPHER* cipher) {
  Suite suite{};
  suite.name = SSL_CIPHER_get_name(cipher);
  suite.prf = SSL_CIPHER_get_handshake_digest(cipher);
  if (suite.prf == nullptr || EVP_MD_is_a(suite.prf, "MD5-SHA1")) suite.prf = EVP_sha256();
  const int nid = SSL_CIPHER_get_cipher_nid(cipher);
  switch (nid) {
    case NID_aes_128_gcm:
    case NID_aes_256_gcm:
      suite.kind = Suite::Kind::kGcm;
      suite.keyBytes = nid == NID_aes_128_gcm ? 16 : 32;
      suite.ivBytes = 4;
      suite.cipher = nid == NID_aes_128_gcm ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
      return suite;
    case NID_chacha20_poly1305:
      suite.kind = Suite::Kind::kChaCha;
      suite.keyBytes = 32;
      suite.ivBytes = 12;
      suite.cipher = EVP_chacha20_poly1305();
      return suite;
    case NID_aes_128_cbc:
    case NID_aes_256_cbc:
      suite.kind = Suite::Kind::kCbc;
      suite.keyBytes = nid == NID_aes_128_cbc ? 16 : 32;
      suite.cipher = nid == NID_aes_128_cbc ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
      suite.mac = EVP_get_digestbynid(SSL_CIPHER_get_digest_nid(cipher));
      if (suite.mac == nullptr) break;
      suite.macBytes = size_t(EVP_MD_get_size(suite.mac));
      return suite;
    default:
      break;
  }
  throw Failure("this client does not speak " + suite.name);
}

Protection::Protection(const Suite& suite, View key, View iv, View macKey, bool seals)
    : kind_(suite.kind), macBytes_(suite.macBytes), digest_(suite.mac), macKey_(macKey.begin(), macKey.end()), context_(EVP_CIPHER_CTX_new()) {
  std::memcpy(iv_, iv.data(), iv.size());
  explicit_ = kind_ == Suite::Kind::kGcm ? 8 : kind_ == Suite::Kind::kCbc ? 16 : 0;
  trailer_ = kind_ == Suite::Kind::kCbc ? macBytes_ + 16 : kTag;
  if (EVP_CipherInit_ex(context_.get(), suite.cipher, nullptr, key.data(), nullptr, seals ? 1 : 0) != 1) throw Failure("no " + suite.name);
  if (kind_ == Suite::Kind::kCbc) EVP_CIPHER_CTX_set_padding(context_.get(), 0);
}

size_t Protection::seal(uint8_t* record, uint8_t type, uint64_t sequence, size_t length) {
  record[0] = type;
  put16(record + 1, 0xfefd);
  put16(record + 3, epoch);
  put48(record + 5, sequence);
  if (kind_ == Suite::Kind::kCbc) return sealCbc(record, type, sequence, length);
  uint8_t aad[13], iv[12];
  authenticated(record, length, aad);
  std::memcpy(iv, iv_, 12);
  if (kind_ == Suite::Kind::kGcm) {
    put64(record + kRecordHeader, nonce++);
    std::memcpy(iv + 4, record + kRecordHeader, 8);
  } else {
    for (int i = 0; i < 8; ++i) iv[4 + i] ^= aad[i];
  }
  uint8_t* const text = record + prefix();
  EVP_CIPHER_CTX* const context = context_.get();
  int n = 0, rest = 0;
  if (EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, iv) != 1 || EVP_EncryptUpdate(context, nullptr, &n, aad, 13) != 1 ||
      (length > 0 && EVP_EncryptUpdate(context, text, &n, text, int(length)) != 1) || EVP_EncryptFinal_ex(context, text + length, &rest) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, text + length) != 1)
    throw Failure("a record could not be sealed");
  put16(record + 11, explicit_ + length + kTag);
  return prefix() + length + kTag;
}

bool Protection::open(uint8_t* record, size_t length, uint8_t*& plain, size_t& plainLength) {
  if (kind_ == Suite::Kind::kCbc) return openCbc(record, length, plain, plainLength);
  if (length < overhead()) return false;
  plainLength = length - overhead();
  plain = record + prefix();
  uint8_t aad[13], iv[12];
  authenticated(record, plainLength, aad);
  std::memcpy(iv, iv_, 12);
  if (kind_ == Suite::Kind::kGcm) std::memcpy(iv + 4, record + kRecordHeader, 8);
  else
    for (int i = 0; i < 8; ++i) iv[4 + i] ^= aad[i];
  EVP_CIPHER_CTX* const context = context_.get();
  int n = 0, rest = 0;
  uint8_t nothing[16];
  return EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, iv) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTag, plain + plainLength) == 1 && EVP_DecryptUpdate(context, nullptr, &n, aad, 13) == 1 &&
         (plainLength == 0 || EVP_DecryptUpdate(context, plain, &n, plain, int(plainLength)) == 1) && EVP_DecryptFinal_ex(context, nothing, &rest) == 1;
}

void Protection::mac(const uint8_t* record, size_t length, const uint8_t* plain, uint8_t* out) const {
  Bytes input(13 + length);
  authenticated(record, length, input.data());
  std::memcpy(input.data() + 13, plain, length);
  HMAC(digest_, macKey_.data(), int(macKey_.size()), input.data(), input.size(), out, nullptr);
}

// MAC, then pad, then encrypt, with an explicit random vector.
size_t Protection::sealCbc(uint8_t* record, uint8_t, uint64_t, size_t length) {
  uint8_t* const iv = record + kRecordHeader;
  uint8_t* const text = record + prefix();
  RAND_bytes(iv, 16);
  mac(record, length, text, text + length);
  size_t total = length + macBytes_;
  const size_t padding = 16 - total % 16;
  std::memset(text + total, int(padding - 1), padding);
  total += padding;
  int n = 0;
  if (EVP_EncryptInit_ex(context_.get(), nullptr, nullptr, nullptr, iv) != 1 || EVP_EncryptUpdate(context_.get(), text, &n, text, int(total)) != 1)
    throw Failure("a record could not be sealed");
  put16(record + 11, 16 + total);
  return prefix() + total;
}

bool Protection::openCbc(uint8_t* record, size_t length, uint8_t*& plain, size_t& plainLength) {
  if (length < prefix() + 16 || (length - prefix()) % 16 != 0) return false;
  plain = record + prefix();
  const size_t total = length - prefix();
  int n = 0;
  if (EVP_DecryptInit_ex(context_.get(), nullptr, nullptr, nullptr, record + kRecordHeader) != 1 ||
      EVP_DecryptUpdate(context_.get(), plain, &n, plain, int(total)) != 1)
    return false;
  const size_t padding = size_t(plain[total - 1]) + 1;
  if (padding + macBytes_ > total) return false;
  for (size_t i = total - padding; i < total; ++i)
    if (plain[i] != padding - 1) return false;
  plainLength = total - padding - macBytes_;
  uint8_t expected[EVP_MAX_MD_SIZE];
  mac(record, plainLength, plain, expected);
  return CRYPTO_memcmp(expected, plain + plainLength, macBytes_) == 0;
}

Keys deriveKeys(const Suite& suite, View master, View clientRandom, View serverRandom, bool looped) {
  const size_t parts = suite.macBytes + suite.keyBytes + suite.ivBytes;
  const Bytes block = prf(suite.prf, master, "key expansion", serverRandom, clientRandom, 2 * parts);
  const uint8_t* at = block.data();
  const auto take = [&](size_t bytes) {
    const View part(at, bytes);
    at += bytes;
    return part;
  };
  const View clientMac = take(suite.macBytes), serverMac = take(suite.macBytes);
  const View clientKey = take(suite.keyBytes), serverKey = take(suite.keyBytes);
  const View clientIv = take(suite.ivBytes), serverIv = take(suite.ivBytes);
  auto write = std::make_unique<Protection>(suite, clientKey, clientIv, clientMac, true);
  if (looped) return {std::move(write), std::make_unique<Protection>(suite, clientKey, clientIv, clientMac, false)};
  return {std::move(write), std::make_unique<Protection>(suite, serverKey, serverIv, serverMac, false)};
}

}  // namespace load
