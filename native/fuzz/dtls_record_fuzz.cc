// Datagrams of records under a key the input does not know: nothing authenticates, nothing is read beyond a record, the
// walk over a datagram ends. Input: suite, then the datagram. A record that the server itself made opens before and after.
#include <cstdlib>
#include <cstring>

#include "dtls_protection.h"

using namespace postern;

namespace {

constexpr DtlsCipher kCiphers[] = {DtlsCipher::kAes256Gcm, DtlsCipher::kAes128Gcm, DtlsCipher::kChaCha20Poly1305};

void expect(bool ok) {
  if (!ok) std::abort();
}

// Same key in both directions: it seals what it opens.
std::unique_ptr<DtlsProtection> make(DtlsCipher cipher) {
  DtlsKeys keys;
  keys.cipher = cipher;
  std::memset(keys.readKey, 0x5a, sizeof keys.readKey);
  std::memset(keys.writeKey, 0x5a, sizeof keys.writeKey);
  keys.writeSequence = 1;
  return createAeadProtection(keys);
}

void ownRecord(DtlsProtection& protection) {
  Bytes record(5 + protection.overhead(), 7);
  record.resize(protection.seal(record.data(), DtlsContent::kData, 5));
  ByteSpan plain;
  DtlsContent type{};
  expect(protection.open(record, plain, type) == DtlsProtection::Opened::kData);
  expect(plain.size() == 5 && type == DtlsContent::kData);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto protection = make(kCiphers[data[0] % 3]);
  ownRecord(*protection);
  for (ByteView rest(data + 1, size - 1); const size_t length = dtlsRecordLength(rest); rest = rest.subspan(length)) {
    expect(length >= kDtlsHeader && length <= rest.size());
    // In a block of its own, so that the sanitizer sees a read beyond it.
    Bytes record(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(length));
    ByteSpan plain;
    DtlsContent type{};
    expect(protection->open(record, plain, type) != DtlsProtection::Opened::kData);
  }
  // What is no whole record is refused as well.
  Bytes all(data + 1, data + size);
  ByteSpan plain;
  DtlsContent type{};
  if (dtlsRecordLength(all) != all.size() || all.empty()) expect(protection->open(all, plain, type) == DtlsProtection::Opened::kMalformed);
  ownRecord(*protection);
  return 0;
}
