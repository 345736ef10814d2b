#include "tls_channel.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace postern {

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

TlsChannel::TlsChannel(int fd, SSL* ssl, TlsOutput& output, Tunnel& tunnel)
    : fd_(fd), ssl_(ssl), output_(output), tunnel_(tunnel) {
  BIO* bio = BIO_new(TlsBio::method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_mode(ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Buffers are released after each burst instead of after each record.
  // One that is not data ends the call: a client's KeyUpdates must not hold the worker.
  SSL_clear_mode(ssl_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_set_read_ahead(ssl_, 0);
}

TlsChannel::~TlsChannel() {
  SSL_free(ssl_);
  if (output_.owner == this) {
    output_.owner = nullptr;
    output_.collected.clear();
  }
  output_.pool.give(std::move(backlog_));
  ::close(fd_);
}

bool TlsChannel::write(ByteView plain) noexcept {
  if (broken_ || fatal_) return false;
  while (!plain.empty()) {
    const int n = SSL_write(ssl_, plain.data(), static_cast<int>(std::min<size_t>(plain.size(), 1 << 30)));
    if (n <= 0) {
      fatal_ = true;
      ERR_clear_error();
      return false;
    }
    plain = plain.subspan(static_cast<size_t>(n));
  }
  return true;
}

TlsChannel::Read TlsChannel::read(ByteSpan into, size_t& length) noexcept {
  const int n = SSL_read(ssl_, into.data(), static_cast<int>(into.size()));
  if (n > 0) {
    length = static_cast<size_t>(n);
    return Read::kData;
  }
  const int error = SSL_get_error(ssl_, n);
  if (error == SSL_ERROR_WANT_READ && !eof_) return staged() ? Read::kNothing : Read::kWait;
  ERR_clear_error();
  if (error == SSL_ERROR_ZERO_RETURN) return Read::kEof;
  fatal_ = true;
  return eof_ ? Read::kEof : Read::kError;
}

// Bytes received; 0 or less at the end, after an error (`eof_`), or when there is nothing for now.
ssize_t TlsChannel::receive() noexcept {
  if (drained_) return -1;
  ssize_t n;
  do n = ::recv(fd_, output_.received.get(), TlsOutput::kReceive, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n > 0) {
    output_.stats.add(Stat::tlsReads);
    drained_ = static_cast<size_t>(n) < TlsOutput::kReceive;
    staged_ = {output_.received.get(), static_cast<size_t>(n)};
  } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
    eof_ = true;
  }
  return n;
}

void TlsChannel::park() {
  Bytes rest(staged_.begin(), staged_.end());
  held_.swap(rest);
  staged_ = held_;
}

void TlsChannel::collect(const uint8_t* bytes, size_t length) noexcept {
  if (!touched) {
    touched = true;
    output_.touched.push_back(&tunnel_);
  }
  if (broken_) return;
  if (blocked()) {
    backlog_.insert(backlog_.end(), bytes, bytes + length);
    return;
  }
  if (output_.owner != this) {
    if (output_.owner != nullptr) output_.owner->flush();
    output_.owner = this;
  }
  output_.collected.insert(output_.collected.end(), bytes, bytes + length);
}

// Bytes taken by the socket; fewer than `length` when it is full.
long TlsChannel::send(const uint8_t* bytes, size_t length) noexcept {
  for (;;) {
    const ssize_t n = ::send(fd_, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      output_.stats.add(Stat::tlsWrites);
      return n;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return 0;
    broken_ = true;
    return 0;
  }
}

bool TlsChannel::flush() noexcept {
  if (blocked()) {
    sent_ += static_cast<size_t>(send(backlog_.data() + sent_, unsent()));
    if (sent_ == backlog_.size() || broken_) {
      sent_ = 0;
      output_.pool.give(std::move(backlog_));
      backlog_ = Bytes();
    }
  } else if (output_.owner == this) {
    Bytes& collected = output_.collected;
    const auto n = static_cast<size_t>(send(collected.data(), collected.size()));
    if (n < collected.size() && !broken_) {
      backlog_ = output_.pool.take();
      backlog_.assign(collected.begin() + static_cast<ptrdiff_t>(n), collected.end());
    }
    collected.clear();
    output_.owner = nullptr;
  }
  return !broken_;
}

void TlsChannel::closeNotify() noexcept {
  if (broken_ || fatal_) return;
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace postern
