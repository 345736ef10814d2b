// TLS server contexts by server name (reference protocol section 10). A whole value, replaced live; a connection keeps
// the value it started its handshake with.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cipher_order.h"
#include "worker_pool.h"

namespace postern {

struct TlsCertificateConfig {
  std::string chainPem;
  std::string keyPem;  // wiped on destruction
  TlsCertificateConfig() = default;
  TlsCertificateConfig(TlsCertificateConfig&&) = default;
  ~TlsCertificateConfig() { OPENSSL_cleanse(keyPem.data(), keyPem.size()); }
};

struct TlsContextConfig {
  std::vector<std::string> serverNames;  // lower case, "*.example.com" allowed
  std::vector<TlsCertificateConfig> certificates;
  bool requestClientCertificate = false;
  std::string clientCaPem;  // "" = none
};

class TlsContexts {
 public:
  // nullptr with `error` ERR_TLS_PEM or ERR_TLS_KEY_MISMATCH, which names the context.
  static std::shared_ptr<const TlsContexts> create(const std::vector<TlsContextConfig>& configs, const CipherOrder& order, OpError& error);
  ~TlsContexts();
  TlsContexts(const TlsContexts&) = delete;
  TlsContexts& operator=(const TlsContexts&) = delete;
  // A server SSL on `fd`; *this must live until its handshake is over. nullptr when memory is short.
  SSL* accept(int fd) const;
  // Exact name, then "*." and one label less, then the first context.
  SSL_CTX* find(std::string_view name) const;

 private:
  TlsContexts() = default;
  std::vector<SSL_CTX*> contexts_;
  std::unordered_map<std::string, SSL_CTX*> byName_;
};

// The contexts that new connections take.
class TlsSource {
 public:
  void set(std::shared_ptr<const TlsContexts> contexts) {
    std::lock_guard lock(mutex_);
    contexts_.swap(contexts);
  }
  std::shared_ptr<const TlsContexts> get() const {
    std::lock_guard lock(mutex_);
    return contexts_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContexts> contexts_;
};

}  // namespace postern
