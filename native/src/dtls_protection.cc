#include "dtls_protection.h"

#include <openssl/crypto.h>

#include <cstring>

#include "byte_order.h"
#include "dtls_aead.h"
#include "tls_prf.h"

namespace postern {
namespace {

constexpr size_t kMaxRecordBody = (1 << 14) + 2048;  // RFC 5246 section 6.2.3
constexpr size_t kMaxKeyBlock = 2 * (32 + 12);

struct Sizes {
  const char* hash;
  size_t key, iv;
};

bool sizesOf(DtlsCipher cipher, Sizes& into) {
  switch (cipher) {
    case DtlsCipher::kAes256Gcm: into = {"SHA2-384", 32, 4}; return true;
    case DtlsCipher::kAes128Gcm: into = {"SHA2-256", 16, 4}; return true;
    case DtlsCipher::kChaCha20Poly1305: into = {"SHA2-256", 32, 12}; return true;
    case DtlsCipher::kCbc: break;
  }
  return false;
}

}  // namespace

DtlsKeys::~DtlsKeys() {
  OPENSSL_cleanse(readKey, sizeof readKey);
  OPENSSL_cleanse(writeKey, sizeof writeKey);
  OPENSSL_cleanse(readIv, sizeof readIv);
  OPENSSL_cleanse(writeIv, sizeof writeIv);
}

size_t dtlsRecordLength(ByteView datagram) noexcept {
  if (datagram.size() < kDtlsHeader) return 0;
  const uint8_t type = datagram[0];
  if (type < static_cast<uint8_t>(DtlsContent::kChangeCipherSpec) || type > static_cast<uint8_t>(DtlsContent::kData)) return 0;
  if (datagram[1] != kDtls12 >> 8) return 0;
  const size_t body = load16(datagram.data() + 11);
  return body <= kMaxRecordBody && body <= datagram.size() - kDtlsHeader ? kDtlsHeader + body : 0;
}

bool deriveDtlsKeys(DtlsCipher cipher, ByteView masterSecret, ByteView clientRandom, ByteView serverRandom, DtlsKeys& into) {
  Sizes sizes{};
  if (!sizesOf(cipher, sizes)) return false;
  uint8_t block[kMaxKeyBlock];
  const size_t length = 2 * (sizes.key + sizes.iv);
  Bytes seed(serverRandom.begin(), serverRandom.end());
  seed.insert(seed.end(), clientRandom.begin(), clientRandom.end());
  const bool good = tls12Prf(sizes.hash, masterSecret, "key expansion", seed, {block, length});
  if (good) {
    const uint8_t* at = block;
    into.cipher = cipher;
    for (auto [part, size] : {std::pair{into.readKey, sizes.key}, {into.writeKey, sizes.key}, {into.readIv, sizes.iv}, {into.writeIv, sizes.iv}}) {
      std::memcpy(part, at, size);
      at += size;
    }
  }
  OPENSSL_cleanse(block, sizeof block);
  return good;
}

std::unique_ptr<DtlsProtection> createAeadProtection(const DtlsKeys& keys, uint64_t forgeries) { return AeadProtection::create(keys, forgeries); }

}  // namespace postern
