// The TLS connection of a session: HTTP first, CSTP after CONNECT. Blocking, with a time limit, until unblock().
#pragma once
#include <openssl/ssl.h>

#include <memory>

#include "endpoint.h"

namespace load {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using Ssl = std::unique_ptr<SSL, SslFree>;
using SslContext = std::unique_ptr<SSL_CTX, SslFree>;

// `version`: "1.2", "1.3" or empty for both. Certificates are not checked: the generator measures, it does not trust.
SslContext tlsContext(const std::string& version);
std::string sslError(const std::string& what);

struct HttpAnswer {
  int status = 0;
  std::string reason, body;
  std::vector<std::pair<std::string, std::string>> headers;
  // The first value of a header, any case; empty without.
  std::string header(std::string_view name) const;
};

class TlsClient {
 public:
  TlsClient(SSL_CTX* context, const Endpoint& to, const std::string& source, int limitSec);

  void write(View bytes);
  void write(std::string_view text) { write(View(reinterpret_cast<const uint8_t*>(text.data()), text.size())); }
  HttpAnswer answer(bool connect);
  // PSK of PSK-NEGOTIATE (protocol.md section 9.3).
  Bytes exporter() const;

  // One CSTP frame in a record of its own.
  void frame(uint8_t type, View payload);
  // From here on reads never wait.
  void unblock();
  enum class Read : uint8_t { kFrame, kNothing, kClosed };
  // The next frame. The payload is valid until the next call.
  Read read(uint8_t& type, View& payload);
  bool waits(int ms) const;

  SSL* ssl() const { return ssl_.get(); }
  int fd() const { return socket_.fd(); }
  std::string version() const { return SSL_get_version(ssl_.get()); }
  std::string cipher() const { return SSL_get_cipher_name(ssl_.get()); }
  // Ends without a word, like a crash.
  void drop();

 private:
  void more();
  Socket socket_;
  Ssl ssl_;
  std::string text_;
};

}  // namespace load
