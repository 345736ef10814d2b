#include "record_cipher.h"

#include <algorithm>
#include <cstring>

#include "byte_order.h"

namespace postern {
namespace {

void storeNumber(uint8_t* at, uint64_t value) noexcept {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace

std::unique_ptr<RecordCipher> RecordCipher::create(const RecordSuite& suite, const RecordKeys& keys, bool seals, uint64_t sequence,
                                                   uint64_t explicitNonce) {
  std::unique_ptr<RecordCipher> cipher(new RecordCipher);
  cipher->context_ = EVP_CIPHER_CTX_new();
  cipher->tls13_ = suite.tls13;
  cipher->explicit_ = suite.gcm && !suite.tls13;
  if (cipher->context_ == nullptr || EVP_CipherInit_ex(cipher->context_, suite.cipher, nullptr, nullptr, nullptr, seals ? 1 : 0) != 1 ||
      !cipher->rekey(keys)) {
    return nullptr;
  }
  cipher->sequence_ = sequence;
  cipher->nonce_ = explicitNonce;
  return cipher;
}

bool RecordCipher::rekey(const RecordKeys& keys) noexcept {
  std::copy_n(keys.iv, sizeof iv_, iv_);
  sequence_ = 0;
  return EVP_CipherInit_ex(context_, nullptr, nullptr, keys.key, nullptr, -1) == 1;
}

bool RecordCipher::begin(const uint8_t* record, const uint8_t* explicitNonce, size_t plainLength) noexcept {
  uint8_t nonce[12];
  std::memcpy(nonce, iv_, sizeof nonce);
  if (explicit_) {
    std::memcpy(nonce + 4, explicitNonce, kExplicitNonce);
  } else {
    uint64_t low;
    std::memcpy(&low, nonce + 4, sizeof low);
    low ^= __builtin_bswap64(sequence_);
    std::memcpy(nonce + 4, &low, sizeof low);
  }
  uint8_t data[13];
  int dataLength = kHeader;
  int done = 0;
  if (!tls13_) {
    storeNumber(data, sequence_);
    std::memcpy(data + 8, record, 3);
    store16(data + 11, static_cast<uint16_t>(plainLength));
    record = data;
    dataLength = sizeof data;
  }
  ++sequence_;
  return EVP_CipherInit_ex(context_, nullptr, nullptr, nullptr, nonce, -1) == 1 &&
         EVP_CipherUpdate(context_, nullptr, &done, record, dataLength) == 1;
}

size_t RecordCipher::seal(uint8_t type, const uint8_t* plain, size_t length, uint8_t* into) noexcept {
  const size_t before = prefix(), whole = before + length + kTag;
  into[0] = type;
  store16(into + 1, TLS1_2_VERSION);
  store16(into + 3, static_cast<uint16_t>(whole - kHeader));
  if (explicit_) storeNumber(into + kHeader, nonce_++);
  int done = 0, last = 0;
  const bool sealed = begin(into, into + kHeader, length) &&
                      EVP_CipherUpdate(context_, into + before, &done, plain, static_cast<int>(length)) == 1 &&
                      EVP_CipherFinal_ex(context_, into + before + done, &last) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, kTag, into + before + length) == 1;
  return sealed ? whole : 0;
}

bool RecordCipher::open(ByteView record, uint8_t* plain) noexcept {
  const size_t before = prefix(), length = record.size() - before - kTag;
  uint8_t tag[kTag];
  std::memcpy(tag, record.data() + record.size() - kTag, kTag);
  int done = 0, last = 0;
  return begin(record.data(), record.data() + kHeader, length) &&
         EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, kTag, tag) == 1 &&
         EVP_CipherUpdate(context_, plain, &done, record.data() + before, static_cast<int>(length)) == 1 &&
         EVP_CipherFinal_ex(context_, plain + done, &last) == 1;
}

}  // namespace postern
