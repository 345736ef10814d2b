// A tunnel's connection while it still belongs to OpenSSL's SSL.
#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "tls_channel.h"

namespace postern {
namespace {

// Specification constants: what stands before the explicit nonce of an AES-GCM record of TLS 1.2, RFC 5288.
constexpr uint8_t kDataHeader[] = {23, 3, 3};
constexpr size_t kHeader = RecordCipher::kHeader, kNonce = RecordCipher::kExplicitNonce;

}  // namespace

// OpenSSL's error queue belongs to the thread and is empty whenever a call below begins: every failure empties it, and
// clearing it before each record would cost 2 % of the worker.

// The BIO below SSL: reads from the socket, writes into the channel's output.
struct TlsBio {
  static TlsChannel& channel(BIO* bio) { return *static_cast<TlsChannel*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* bytes, int length) {
    BIO_clear_retry_flags(bio);
    channel(bio).collect(reinterpret_cast<const uint8_t*>(bytes), static_cast<size_t>(length));
    return length;
  }

  // SSL asks for a header, then for a body. Its own read-ahead would move all that it holds at every record.
  static int read(BIO* bio, char* into, int length) {
    TlsChannel& c = channel(bio);
    BIO_clear_retry_flags(bio);
    if (c.staged_.empty()) {
      const ssize_t n = c.receive();
      if (n <= 0) {
        if (!c.eof_) BIO_set_retry_read(bio);
        return static_cast<int>(n);
      }
    }
    const size_t n = std::min(static_cast<size_t>(length), c.staged_.size());
    std::memcpy(into, c.staged_.data(), n);
    c.staged_ = c.staged_.subspan(n);
    return static_cast<int>(n);
  }

  static long ctrl(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return channel(bio).eof_ ? 1 : 0;
    return 0;
  }

  // Never freed: threads may still use it while the process exits.
  static BIO_METHOD* method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postern tunnel");
      BIO_meth_set_write(m, write);
      BIO_meth_set_read(m, read);
      BIO_meth_set_ctrl(m, ctrl);
      return m;
    }();
    return method;
  }
};

void TlsChannel::putBelow(SSL* ssl) noexcept {
  BIO* bio = BIO_new(TlsBio::method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Buffers are released after each burst instead of after each record.
  // One that is not data ends the call: a client's KeyUpdates must not hold the worker.
  SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_set_read_ahead(ssl, 0);
}

void TlsChannel::collect(const uint8_t* bytes, size_t length) noexcept {
  if (length >= kHeader + kNonce && std::equal(std::begin(kDataHeader), std::end(kDataHeader), bytes)) {
    uint64_t nonce = 0;
    for (size_t i = 0; i < kNonce; ++i) nonce = nonce << 8 | bytes[kHeader + i];
    nonce_ = nonce;
  }
  if (broken_) return touch();
  std::memcpy(extend(length), bytes, length);
  commit(length, length);
}

bool TlsChannel::writeSsl(ByteView plain) noexcept {
  while (!plain.empty()) {
    const int n = SSL_write(ssl_, plain.data(), static_cast<int>(std::min<size_t>(plain.size(), 1 << 30)));
    if (n <= 0) {
      fatal_ = true;
      ERR_clear_error();
      return false;
    }
    plain = plain.subspan(static_cast<size_t>(n));
  }
  takeOver();
  return true;
}

TlsChannel::Read TlsChannel::readSsl(ByteSpan into, size_t& length) noexcept {
  const int n = SSL_read(ssl_, into.data(), static_cast<int>(into.size()));
  if (n > 0) {
    length = static_cast<size_t>(n);
    takeOver();
    return Read::kData;
  }
  const int error = SSL_get_error(ssl_, n);
  if (error == SSL_ERROR_WANT_READ && !eof_) return staged() ? Read::kNothing : Read::kWait;
  ERR_clear_error();
  if (error == SSL_ERROR_ZERO_RETURN) return Read::kEof;
  fatal_ = true;
  return eof_ ? Read::kEof : Read::kError;
}

// Between two records, in both directions, and with nothing decrypted that is not yet read. The SSL may hold no more than
// the beginning of a header: it says so by its state only. TLS 1.2 waits for the first record written here and its nonce.
void TlsChannel::takeOver() noexcept {
  if (stays_ || (SSL_version(ssl_) == TLS1_2_VERSION && !nonce_)) return;
  if (SSL_pending(ssl_) != 0 || SSL_has_pending(ssl_) != 0 || std::strcmp(SSL_rstate_string(ssl_), "RH") != 0) return;
  records_ = CstpRecords::takeOver(ssl_, nonce_);
  ERR_clear_error();
  if (records_ == nullptr) {
    stays_ = true;
    return;
  }
  SSL_free(ssl_);
  ssl_ = nullptr;
}

}  // namespace postern
