// Keys of TLS records: TLS 1.3 from a traffic secret (RFC 8446 section 7), TLS 1.2 from the master secret (RFC 5246
// section 6.3).
#pragma once
#include <openssl/ssl.h>

#include <optional>

#include "bytes.h"

namespace postern {

struct RecordSuite {
  const EVP_CIPHER* cipher = nullptr;  // lives as long as the process
  const char* digest = nullptr;        // name of the hash of its key schedule
  size_t keyLength = 0;
  bool gcm = false;
  bool tls13 = false;
};
// The suite of an established connection; nothing for one that we do not speak.
std::optional<RecordSuite> recordSuite(const SSL* ssl);

struct RecordKeys {
  uint8_t key[32] = {};
  uint8_t iv[12] = {};  // GCM of TLS 1.2: 4 bytes
  RecordKeys() = default;
  RecordKeys(const RecordKeys&) = delete;
  RecordKeys& operator=(const RecordKeys&) = delete;
  ~RecordKeys();  // wipes
};

// HKDF-Expand-Label with an empty context. False when OpenSSL refuses.
bool expandLabel(const char* digest, ByteView secret, const char* label, ByteSpan into);
bool tls13Keys(const RecordSuite& suite, ByteView secret, RecordKeys& into);
// For the server's side of the connection: what it reads with, what it writes with.
bool tls12Keys(const RecordSuite& suite, const SSL* ssl, RecordKeys& read, RecordKeys& write);

}  // namespace postern
