#include "tls_client.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>

#include <cerrno>

namespace load {

std::string sslError(const std::string& what) {
  char text[160] = "no reason given";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return what + ": " + text;
}

SslContext tlsContext(const std::string& version) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_min_proto_version(context.get(), version == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), version == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION);
  return context;
}

std::string HttpAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
  return {};
}

TlsClient::TlsClient(SSL_CTX* context, const Endpoint& to, const std::string& source, int limitSec)
    : socket_(openTcp(to, source, limitSec)), ssl_(SSL_new(context)) {
  SSL_set_fd(ssl_.get(), socket_.fd());
  if (SSL_connect(ssl_.get()) != 1) throw Failure(sslError("TLS handshake"));
}

void TlsClient::write(View bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    const int n = SSL_write(ssl_.get(), bytes.data(), int(bytes.size()));
    if (n > 0) {
      bytes = bytes.subspan(size_t(n));
      continue;
    }
    if (SSL_get_error(ssl_.get(), n) != SSL_ERROR_WANT_WRITE) throw Failure(sslError("TLS write"));
    pollfd wait{fd(), POLLOUT, 0};
    if (poll(&wait, 1, 10'000) <= 0) throw Failure("TLS write: the gateway does not read");
  }
}

void TlsClient::more() {
  char chunk[16384];
  ERR_clear_error();
  const int n = SSL_read(ssl_.get(), chunk, sizeof chunk);
  if (n <= 0) {
    const int error = SSL_get_error(ssl_.get(), n);
    if (error == SSL_ERROR_ZERO_RETURN) throw Failure("the gateway closed the connection");
    if (error == SSL_ERROR_SYSCALL && (errno == EAGAIN || errno == EWOULDBLOCK)) throw Failure("the gateway does not answer");
    throw Failure(sslError("TLS read"));
  }
  text_.append(chunk, size_t(n));
}

HttpAnswer TlsClient::answer(bool connect) {
  size_t end;
  while ((end = text_.find("\r\n\r\n")) == std::string::npos) more();
  HttpAnswer answer;
  size_t from = 0;
  bool first = true;
  while (from < end) {
    const size_t to = std::min(text_.find("\r\n", from), end);
    const std::string line = text_.substr(from, to - from);
    from = to + 2;
    if (first) {
      first = false;
      if (line.rfind("HTTP/1.", 0) != 0 || line.size() < 12) throw Failure("not an HTTP answer: " + line.substr(0, 60));
      answer.status = std::atoi(line.c_str() + 9);
      answer.reason = line.size() > 13 ? line.substr(13) : "";
    } else if (const size_t colon = line.find(':'); colon != std::string::npos) {
      size_t value = colon + 1;
      while (value < line.size() && line[value] == ' ') ++value;
      answer.headers.emplace_back(line.substr(0, colon), line.substr(value));
    }
  }
  text_.erase(0, end + 4);
  if (connect && answer.status == 200) return answer;
  const size_t length = size_t(std::atol(answer.header("content-length").c_str()));
  while (text_.size() < length) more();
  answer.body = text_.substr(0, length);
  text_.erase(0, length);
  return answer;
}

Bytes TlsClient::exporter() const {
  static const char label[] = "EXPORTER-openconnect-psk";
  Bytes key(32);
  if (SSL_export_keying_material(ssl_.get(), key.data(), key.size(), label, sizeof label - 1, nullptr, 0, 0) != 1) throw Failure(sslError("exporter"));
  return key;
}

void TlsClient::frame(uint8_t type, View payload) {
  Bytes bytes = {0x53, 0x54, 0x46, 1, 0, 0, type, 0};
  put16(&bytes[4], payload.size());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  write(bytes);
}

void TlsClient::unblock() { fcntl(fd(), F_SETFL, fcntl(fd(), F_GETFL) | O_NONBLOCK); }

TlsClient::Read TlsClient::read(uint8_t& type, View& payload) {
  thread_local uint8_t record[16384];
  size_t length = text_.size();
  if (length > 0) {
    // A frame that came in the same record as the HTTP answer.
    std::memcpy(record, text_.data(), std::min(length, sizeof record));
    text_.clear();
  } else {
    ERR_clear_error();
    const int n = SSL_read(ssl_.get(), record, sizeof record);
    if (n <= 0) {
      const int error = SSL_get_error(ssl_.get(), n);
      return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? Read::kNothing : Read::kClosed;
    }
    length = size_t(n);
  }
  // As strict as openconnect: one frame is one record (protocol.md section 8).
  if (length < 8 || std::memcmp(record, "STF\1", 4) != 0 || record[7] != 0 || get16(record + 4) != length - 8)
    throw Failure("a TLS record that is not one CSTP frame: " + toHex(View(record, std::min<size_t>(length, 16))));
  type = record[6];
  payload = View(record + 8, length - 8);
  return Read::kFrame;
}

bool TlsClient::waits(int ms) const {
  if (!text_.empty() || SSL_has_pending(ssl_.get())) return true;
  pollfd wait{fd(), POLLIN, 0};
  return poll(&wait, 1, ms) > 0;
}

void TlsClient::drop() { socket_.reset(); }

}  // namespace load
