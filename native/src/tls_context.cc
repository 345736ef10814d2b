#include "tls_context.h"

#include <openssl/err.h>

#include <cstring>

#include "op_error.h"
#include "pem.h"
#include "tls_secrets.h"

namespace postern {
namespace {

// Implementation constants.
constexpr long kMaxClientChain = 64 * 1024;  // bytes of a client's certificate message
constexpr unsigned char kSessionIdContext[] = "postern";

// The handshake goes on whatever the certificate is worth; SSL_get_verify_result keeps the finding.
int acceptAnyCertificate(int, X509_STORE_CTX*) { return 1; }

int selectName(SSL* ssl, int*, void*) {
  const char* sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const auto* contexts = static_cast<const TlsContexts*>(SSL_get_app_data(ssl));
  if (sent == nullptr || contexts == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* context = contexts->find(sent);
  if (context == SSL_get_SSL_CTX(ssl)) return SSL_TLSEXT_ERR_OK;
  if (SSL_set_SSL_CTX(ssl, context) == nullptr) return SSL_TLSEXT_ERR_ALERT_FATAL;
  SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), SSL_CTX_get_verify_callback(context));
  return SSL_TLSEXT_ERR_OK;
}

int selectProtocol(SSL*, const unsigned char** out, unsigned char* outLength, const unsigned char* in, unsigned int inLength, void*) {
  static constexpr char kHttp[] = "http/1.1";
  for (unsigned int at = 0; at < inLength; at += 1u + in[at]) {
    if (in[at] != sizeof kHttp - 1 || at + sizeof kHttp > inLength || std::memcmp(in + at + 1, kHttp, sizeof kHttp - 1) != 0) continue;
    *out = in + at + 1;
    *outLength = in[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

bool addCertificate(SSL_CTX* ctx, const TlsCertificateConfig& config, const std::string& where, OpError& error) {
  const auto chain = pem::certificates(config.chainPem);
  if (chain.empty()) {
    error = {"ERR_TLS_PEM", "tls", where + ": the chain holds no readable PEM certificate"};
    return false;
  }
  const auto key = pem::privateKey(config.keyPem);
  if (key == nullptr) {
    error = {"ERR_TLS_PEM", "tls", where + ": the key is no readable PEM private key (encrypted keys are not supported)"};
    return false;
  }
  ERR_clear_error();
  if (X509_check_private_key(chain[0].get(), key.get()) != 1) {
    ERR_clear_error();
    error = {"ERR_TLS_KEY_MISMATCH", "tls", where + ": the key belongs to another certificate"};
    return false;
  }
  STACK_OF(X509)* rest = sk_X509_new_null();
  for (size_t i = 1; i < chain.size(); ++i) sk_X509_push(rest, chain[i].get());
  const int used = SSL_CTX_use_cert_and_key(ctx, chain[0].get(), key.get(), rest, 0);
  sk_X509_free(rest);
  if (used != 1) {
    error = {"ERR_TLS_PEM", "tls", where + ": " + opensslReason()};
    return false;
  }
  return true;
}

bool requestClientCertificate(SSL_CTX* ctx, const std::string& caPem, const std::string& where, OpError& error) {
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, acceptAnyCertificate);
  SSL_CTX_set_max_cert_list(ctx, kMaxClientChain);
  if (caPem.empty()) return true;
  const auto anchors = pem::certificates(caPem);
  if (anchors.empty()) {
    error = {"ERR_TLS_PEM", "tls", where + ": the client CA file holds no readable PEM certificate"};
    return false;
  }
  for (const auto& anchor : anchors) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), anchor.get());
    SSL_CTX_add_client_CA(ctx, anchor.get());
  }
  return true;
}

SSL_CTX* makeContext(const TlsContextConfig& config, const CipherOrder& order, const std::string& where, OpError& error) {
  ERR_clear_error();
  SSL_CTX* ctx = SSL_CTX_new(TLS_server_method());
  if (ctx == nullptr || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(ctx, order.tls12.c_str()) != 1 || SSL_CTX_set_ciphersuites(ctx, order.tls13.c_str()) != 1 ||
      SSL_CTX_set1_groups_list(ctx, order.groups.c_str()) != 1 ||
      (!order.signatures.empty() && SSL_CTX_set1_sigalgs_list(ctx, order.signatures.c_str()) != 1) || SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
      SSL_CTX_set_session_id_context(ctx, kSessionIdContext, sizeof kSessionIdContext - 1) != 1) {
    error = {"ERR_TLS", "tls", where + ": " + opensslReason()};
    SSL_CTX_free(ctx);
    return nullptr;
  }
  // A FIN without close_notify is an end like any other: HTTP lengths and CSTP frames say what was complete.
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(ctx, 0);
  SSL_CTX_set_tlsext_servername_callback(ctx, selectName);
  SSL_CTX_set_alpn_select_cb(ctx, selectProtocol, nullptr);
  watchTlsSecrets(ctx);
  bool good = !config.certificates.empty();
  if (!good) error = {"ERR_TLS_PEM", "tls", where + ": no certificate"};
  for (size_t i = 0; good && i < config.certificates.size(); ++i) {
    good = addCertificate(ctx, config.certificates[i], where + ", certificate " + std::to_string(i + 1), error);
  }
  if (good && config.requestClientCertificate) good = requestClientCertificate(ctx, config.clientCaPem, where, error);
  if (good) return ctx;
  SSL_CTX_free(ctx);
  return nullptr;
}

}  // namespace

std::shared_ptr<const TlsContexts> TlsContexts::create(const std::vector<TlsContextConfig>& configs, const CipherOrder& order, OpError& error) {
  if (configs.empty()) {
    error = {"ERR_TLS_PEM", "tls", "no TLS context is configured"};
    return nullptr;
  }
  std::shared_ptr<TlsContexts> made(new TlsContexts);
  for (size_t i = 0; i < configs.size(); ++i) {
    const auto& names = configs[i].serverNames;
    const std::string where = "TLS context " + std::to_string(i + 1) + (names.empty() ? "" : " (" + names[0] + ")");
    SSL_CTX* ctx = makeContext(configs[i], order, where, error);
    if (ctx == nullptr) return nullptr;
    made->contexts_.push_back(ctx);
    for (const auto& name : names) made->byName_.emplace(name, ctx);
  }
  return made;
}

TlsContexts::~TlsContexts() {
  for (SSL_CTX* ctx : contexts_) SSL_CTX_free(ctx);
}

SSL* TlsContexts::accept(int fd) const {
  ERR_clear_error();
  SSL* ssl = SSL_new(contexts_.front());
  if (ssl == nullptr) return nullptr;
  if (SSL_set_fd(ssl, fd) != 1) {
    SSL_free(ssl);
    return nullptr;
  }
  SSL_set_app_data(ssl, const_cast<TlsContexts*>(this));
  // Else a peer that sends nothing but KeyUpdates keeps one SSL_read, and with it the front, busy for ever.
  SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
  SSL_set_accept_state(ssl);
  return ssl;
}

SSL_CTX* TlsContexts::find(std::string_view sent) const {
  std::string name(sent);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (const auto exact = byName_.find(name); exact != byName_.end()) return exact->second;
  const size_t dot = name.find('.');
  if (dot != std::string::npos && dot > 0) {
    if (const auto wild = byName_.find("*" + name.substr(dot)); wild != byName_.end()) return wild->second;
  }
  return contexts_.front();
}

}  // namespace postern
