// OpenSSL's contexts of the DTLS server: one for each mode and list of suites. One owner.
#pragma once
#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "dtls_cipher.h"
#include "dtls_offer.h"

namespace postern {

struct FreeSslContext {
  void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
};
struct FreeSslSession {
  void operator()(SSL_SESSION* p) const noexcept { SSL_SESSION_free(p); }
};
using SslContext = std::unique_ptr<SSL_CTX, FreeSslContext>;
using SslSession = std::unique_ptr<SSL_SESSION, FreeSslSession>;

// What the contexts' callbacks ask the handshake behind an SSL object for; set it with SSL_set_app_data.
struct DtlsHandshakeSecrets {
  ByteView psk;
  SSL_SESSION* session = nullptr;  // with kResumed
};

class DtlsContexts {
 public:
  // nullptr when OpenSSL knows none of the suites. Valid until the next call.
  SSL_CTX* find(const DtlsOffer& offer);

 private:
  std::map<std::pair<DtlsOffer::Mode, std::string>, SslContext> made_;
};

// What protects the records of a suite.
DtlsCipher cipherOf(const SSL_CIPHER* cipher) noexcept;

// The session that a client of `offer` resumes in `ctx` (reference protocol section 15 D). nullptr when OpenSSL refuses.
SslSession resumedSession(SSL_CTX* ctx, const DtlsOffer& offer, ByteView masterSecret);

}  // namespace postern
