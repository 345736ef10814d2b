#include "tls_channel.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace postern {

TlsChannel::TlsChannel(int fd, SSL* ssl, TlsOutput& output, Tunnel& tunnel)
    : fd_(fd), ssl_(ssl), output_(output), tunnel_(tunnel) {
  putBelow(ssl);
}

TlsChannel::~TlsChannel() {
  SSL_free(ssl_);
  if (output_.owner == this) {
    output_.owner = nullptr;
    output_.collected.clear();
  }
  output_.pool.give(std::move(backlog_));
  output_.pool.give(std::move(held_));
  ::close(fd_);
}

bool TlsChannel::write(ByteView plain) noexcept {
  if (broken_ || fatal_) return false;
  return records_ != nullptr ? writeRecords(plain) : writeSsl(plain);
}

TlsChannel::Read TlsChannel::read(ByteSpan into, size_t& length) noexcept {
  return records_ != nullptr ? readRecords(into, length) : readSsl(into, length);
}

bool TlsChannel::staged() const noexcept {
  if (records_ == nullptr) return !staged_.empty();
  const size_t record = records_->recordLength(staged_);
  return record != 0 && (record <= staged_.size() || record > CstpRecords::kMaxRecord);
}

// Bytes received; 0 or less at the end, after an error (`eof_`), or when there is nothing for now.
ssize_t TlsChannel::receive() noexcept {
  if (drained_) return -1;
  uint8_t* const at = output_.received.get();
  if (!staged_.empty()) std::memmove(at, staged_.data(), staged_.size());
  staged_ = {at, staged_.size()};
  ssize_t n;
  do n = ::recv(fd_, at + staged_.size(), TlsOutput::kReceive, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n > 0) {
    output_.stats.add(Stat::tlsReads);
    drained_ = static_cast<size_t>(n) < TlsOutput::kReceive;
    staged_ = {at, staged_.size() + static_cast<size_t>(n)};
  } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
    eof_ = true;
  }
  return n;
}

void TlsChannel::park() {
  if (staged_.empty()) {
    if (held_.capacity() != 0) output_.pool.give(std::exchange(held_, Bytes()));
    return;
  }
  if (staged_.data() >= held_.data() && staged_.data() < held_.data() + held_.size()) return;
  if (held_.capacity() == 0) held_ = output_.pool.take();
  held_.assign(staged_.begin(), staged_.end());
  staged_ = held_;
}

void TlsChannel::touch() noexcept {
  if (touched) return;
  touched = true;
  output_.touched.push_back(&tunnel_);
}

uint8_t* TlsChannel::extend(size_t room) noexcept {
  touch();
  if (output_.owner == this && room > output_.collected.capacity() - output_.collected.size()) flush();
  if (blocked()) {
    backlog_.resize(backlog_.size() + room);
    return backlog_.data() + backlog_.size() - room;
  }
  if (output_.owner != this) {
    if (output_.owner != nullptr) output_.owner->flush();
    output_.owner = this;
  }
  return output_.collected.room(room);
}

void TlsChannel::commit(size_t room, size_t length) noexcept {
  if (blocked()) backlog_.resize(backlog_.size() - room + length);
  else output_.collected.commit(length);
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
    OutputBuffer& collected = output_.collected;
    const auto n = static_cast<size_t>(send(collected.data(), collected.size()));
    if (n < collected.size() && !broken_) {
      backlog_ = output_.pool.take();
      backlog_.assign(collected.data() + n, collected.data() + collected.size());
    }
    collected.clear();
    output_.owner = nullptr;
  }
  return !broken_;
}

void TlsChannel::closeNotify() noexcept {
  if (broken_ || fatal_) return;
  if (records_ != nullptr) {
    alert(CstpRecords::kCloseNotify);
  } else {
    SSL_shutdown(ssl_);
    ERR_clear_error();
    fatal_ = true;
  }
}

}  // namespace postern
