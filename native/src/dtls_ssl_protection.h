// Records of suites that are not AEAD (CBC): they stay with the SSL object that made the handshake. Old Cisco clients
// have nothing better.
#pragma once
#include <openssl/ssl.h>

#include "dtls_protection.h"
#include "replay_window.h"

namespace postern {

// Takes `ssl`, whose DTLS 1.2 handshake is over, and gives it a BIO of its own; callbacks it carries must outlive it, and
// only one thread may have it from now on. nullptr, `ssl` freed, when it is not what it should be; it must have been made
// with SSL_OP_NO_ENCRYPT_THEN_MAC, since with that extension OpenSSL ends the association at the first forged record.
//
// seal() of an alert sends close_notify whatever the plaintext is; it returns 0 for an empty plaintext and for other types
// than kData and kAlert. open() refuses handshake records as malformed: nothing is owed to the client after an
// abbreviated handshake, and renegotiation is refused. Whatever it cannot use counts as forged; OpenSSL does not say why.
std::unique_ptr<DtlsProtection> createSslProtection(SSL* ssl);

}  // namespace postern
