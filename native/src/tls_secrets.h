// What it takes to go on with the records of an accepted TLS connection without its SSL (reference protocol section 15,
// recipe B): the traffic secrets of TLS 1.3, which OpenSSL tells its keylog callback only, and how many records went by
// under the keys in use. Kept with the SSL, wiped with it.
#pragma once
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>

namespace postern {

struct TlsSecrets {
  // Secrets of TLS 1.3 and the records read and written under them. `length` is 0 with TLS 1.2.
  uint8_t read[48] = {}, write[48] = {};  // the client's, ours
  size_t length = 0;
  uint64_t readRecords = 0, writeRecords = 0;
  bool updated = false;  // a KeyUpdate went by: these are the keys before it
};

// From now on every connection of the context remembers its secrets.
void watchTlsSecrets(SSL_CTX* context) noexcept;
// nullptr when the connection was not watched, or its handshake has not got that far.
const TlsSecrets* tlsSecrets(const SSL* ssl) noexcept;

}  // namespace postern
