#include "connection.h"

#include <openssl/err.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

namespace postern {

Connection::Connection(uint32_t number, int socket, const sockaddr_storage& address, Admission& admission, const Admission::Source& source)
    : handle(number), fd(socket), peer(endpointOf(address)), admission_(admission), source_(source) {}

Connection::~Connection() {
  if (ssl != nullptr) SSL_free(ssl);
  if (fd >= 0) ::close(fd);
  OPENSSL_cleanse(out.data(), out.size());
  forgetRetained();
  admission_.leave(source_, settled_);
}

bool Connection::startTls(std::shared_ptr<const TlsContexts> contexts) {
  contexts_ = std::move(contexts);
  ssl = contexts_->accept(fd);
  return ssl != nullptr;
}

TlsStep Connection::step(int result) {
  if (result > 0) return TlsStep::kDone;
  switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return TlsStep::kWait;
    case SSL_ERROR_ZERO_RETURN:
      return TlsStep::kEof;
    default:
      ERR_clear_error();
      return TlsStep::kFailed;
  }
}

TlsStep Connection::handshake() {
  ERR_clear_error();
  const TlsStep result = step(SSL_do_handshake(ssl));
  if (result == TlsStep::kDone) {
    SSL_set_app_data(ssl, nullptr);
    contexts_.reset();
    settled_ = true;
    admission_.settle(source_);
  }
  return result == TlsStep::kEof ? TlsStep::kFailed : result;
}

TlsStep Connection::read(ByteSpan into, size_t& length) {
  ERR_clear_error();
  const int n = SSL_read(ssl, into.data(), static_cast<int>(into.size()));
  length = n > 0 ? static_cast<size_t>(n) : 0;
  return step(n);
}

TlsStep Connection::peek() {
  uint8_t byte = 0;
  ERR_clear_error();
  return step(SSL_peek(ssl, &byte, 1));
}

TlsStep Connection::flush() {
  while (outAt < out.size()) {
    ERR_clear_error();
    const int n = SSL_write(ssl, out.data() + outAt, static_cast<int>(std::min<size_t>(out.size() - outAt, INT_MAX)));
    if (const TlsStep result = step(n); result != TlsStep::kDone) return result;
    outAt += static_cast<size_t>(n);
    stalledSince = 0;
  }
  OPENSSL_cleanse(out.data(), out.size());
  Bytes().swap(out);
  outAt = 0;
  return TlsStep::kDone;
}

// Answers hold cookies: what a vector that grows leaves behind would still have them.
void Connection::append(ByteView bytes) {
  if (bytes.size() > out.capacity() - out.size()) {
    Bytes grown;
    grown.reserve(std::max(backlog() + bytes.size(), 2 * backlog()));
    grown.assign(out.begin() + static_cast<ptrdiff_t>(outAt), out.end());
    OPENSSL_cleanse(out.data(), out.size());
    out.swap(grown);
    outAt = 0;
  }
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void Connection::forgetRetained() noexcept {
  OPENSSL_cleanse(retained.data(), retained.size());
  Bytes().swap(retained);
}

void Connection::sayGoodbye() noexcept {
  goodbye = true;
  if (SSL_is_init_finished(ssl) == 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl);
  ERR_clear_error();
}

void Connection::resetOnClose() noexcept {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void Connection::handOver(Promotion& promotion, uint32_t seen) {
  promotion.fd = std::exchange(fd, -1);
  promotion.ssl = std::exchange(ssl, nullptr);
  Bytes due;
  due.reserve(backlog() + promotion.pendingOut.size());
  due.assign(out.begin() + static_cast<ptrdiff_t>(outAt), out.end());
  due.insert(due.end(), promotion.pendingOut.begin(), promotion.pendingOut.end());
  promotion.pendingOut.swap(due);
  if (seen < sequence) promotion.early.insert(promotion.early.end(), retained.begin(), retained.end());
}

Endpoint Connection::local() const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return endpointOf(address);
}

}  // namespace postern
