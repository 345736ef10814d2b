#include "dtls_contexts.h"

#include <openssl/err.h>

#include <cstring>
#include <ctime>

namespace postern {
namespace {

// Implementation constants.
constexpr size_t kContexts = 64;            // lists of suites come from the configuration: a few
constexpr long kSessionSeconds = 24 * 3600;  // of a session that is made for one handshake
constexpr long kMaxMessage = 4096;           // of one we allow for; OpenSSL takes 17 kB at least
constexpr unsigned char kSessionIdContext[] = "postern-dtls";

const DtlsHandshakeSecrets* secretsOf(SSL* ssl) { return static_cast<const DtlsHandshakeSecrets*>(SSL_get_app_data(ssl)); }

unsigned int presentKey(SSL* ssl, const char*, unsigned char* key, unsigned int room) {
  const DtlsHandshakeSecrets* secrets = secretsOf(ssl);
  if (secrets == nullptr || secrets->psk.empty() || secrets->psk.size() > room) return 0;
  std::memcpy(key, secrets->psk.data(), secrets->psk.size());
  return static_cast<unsigned int>(secrets->psk.size());
}

SSL_SESSION* presentSession(SSL* ssl, const unsigned char* id, int length, int* copy) {
  const DtlsHandshakeSecrets* secrets = secretsOf(ssl);
  *copy = 1;
  if (secrets == nullptr || secrets->session == nullptr) return nullptr;
  unsigned int own = 0;
  const unsigned char* ownId = SSL_SESSION_get_id(secrets->session, &own);
  const bool same = length >= 0 && own == static_cast<unsigned int>(length) && std::memcmp(ownId, id, own) == 0;
  return same ? secrets->session : nullptr;
}

// Cookies were checked before a handshake began.
int acceptCookie(SSL*, const unsigned char*, unsigned int) { return 1; }

SslContext makeContext(DtlsOffer::Mode mode, const std::string& ciphers) {
  ERR_clear_error();
  SslContext ctx(SSL_CTX_new(DTLS_server_method()));
  if (ctx == nullptr) return nullptr;
  const bool psk = mode == DtlsOffer::Mode::kPsk;
  // Nobody sees a certificate here, and CBC suites need SHA-1 for their MAC.
  if (!psk) SSL_CTX_set_security_level(ctx.get(), 0);
  if (SSL_CTX_set_min_proto_version(ctx.get(), DTLS1_2_VERSION) != 1 || SSL_CTX_set_max_proto_version(ctx.get(), DTLS1_2_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(ctx.get(), "") != 1 || SSL_CTX_set_cipher_list(ctx.get(), ciphers.c_str()) != 1 ||
      SSL_CTX_set_session_id_context(ctx.get(), kSessionIdContext, sizeof kSessionIdContext - 1) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  SSL_CTX_set_options(ctx.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_ENCRYPT_THEN_MAC | (psk ? 0 : SSL_OP_NO_EXTENDED_MASTER_SECRET));
  SSL_CTX_set_max_cert_list(ctx.get(), kMaxMessage);
  SSL_CTX_set_read_ahead(ctx.get(), 1);
  SSL_CTX_set_cookie_verify_cb(ctx.get(), acceptCookie);
  if (psk) {
    SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_psk_server_callback(ctx.get(), presentKey);
  } else {
    SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_get_cb(ctx.get(), presentSession);
  }
  return ctx;
}

const SSL_CIPHER* cipherNamed(SSL_CTX* ctx, const std::string& name) {
  const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(ctx);
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
    if (name == SSL_CIPHER_get_name(cipher)) return cipher;
  }
  return nullptr;
}

}  // namespace

SSL_CTX* DtlsContexts::find(const DtlsOffer& offer) {
  const std::pair key(offer.mode, offer.ciphers);
  if (const auto found = made_.find(key); found != made_.end()) return found->second.get();
  SslContext ctx = makeContext(offer.mode, offer.ciphers);
  if (ctx == nullptr) return nullptr;
  if (made_.size() >= kContexts) made_.clear();  // handshakes under way hold theirs
  return made_.emplace(key, std::move(ctx)).first->second.get();
}

DtlsCipher cipherOf(const SSL_CIPHER* cipher) noexcept {
  switch (SSL_CIPHER_get_cipher_nid(cipher)) {
    case NID_aes_256_gcm: return DtlsCipher::kAes256Gcm;
    case NID_aes_128_gcm: return DtlsCipher::kAes128Gcm;
    case NID_chacha20_poly1305: return DtlsCipher::kChaCha20Poly1305;
    default: return DtlsCipher::kCbc;
  }
}

SslSession resumedSession(SSL_CTX* ctx, const DtlsOffer& offer, ByteView masterSecret) {
  SslSession session(SSL_SESSION_new());
  const SSL_CIPHER* cipher = cipherNamed(ctx, offer.ciphers);
  if (session == nullptr || cipher == nullptr || SSL_SESSION_set_protocol_version(session.get(), DTLS1_2_VERSION) != 1 ||
      SSL_SESSION_set_cipher(session.get(), cipher) != 1 ||
      SSL_SESSION_set1_master_key(session.get(), masterSecret.data(), masterSecret.size()) != 1 ||
      SSL_SESSION_set1_id(session.get(), offer.id.data(), static_cast<unsigned int>(offer.id.size())) != 1 ||
      SSL_SESSION_set1_id_context(session.get(), kSessionIdContext, sizeof kSessionIdContext - 1) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  SSL_SESSION_set_time(session.get(), std::time(nullptr));
  SSL_SESSION_set_timeout(session.get(), kSessionSeconds);
  return session;
}

}  // namespace postern
