// Front: what the socket of an established connection says (reference border section 5, the table of states).
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "front.h"

namespace postern {
namespace {

// Implementation constants.
constexpr int64_t kClosingMs = 5000;
constexpr int kDiscardsPerRound = 16;

}  // namespace

void Front::onSocket(Connection& c, uint32_t events) {
  switch (c.state) {
    case ConnectionState::kHandshake:
      return onHandshake(c);
    case ConnectionState::kClosing:
      return onClosing(c, events);
    case ConnectionState::kGranted:
    case ConnectionState::kWaiting:
      break;
  }
  const uint32_t handle = c.handle;
  if ((events & EPOLLOUT) != 0) flush(c);
  if (slots_.find(handle) == nullptr) return;
  if ((events & EPOLLERR) != 0) return close(c, true);
  if (c.state == ConnectionState::kWaiting || c.endSeen) return onWaiting(c, events);
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0) readChunk(c);
}

// Nothing may be read; only the peer's departure counts.
void Front::onWaiting(Connection& c, uint32_t events) {
  if ((events & EPOLLHUP) != 0) return close(c, true);
  uint32_t wanted = c.interest & ~(events & (EPOLLIN | EPOLLRDHUP));
  if ((events & EPOLLRDHUP) != 0 && !c.endSeen) {
    switch (c.peek()) {
      case TlsStep::kEof:
        return reportEnd(c);
      case TlsStep::kFailed:
        return close(c, true);
      default:
        break;  // data before the end: the reads to come will meet it
    }
  }
  listenFor(c, wanted);
  if (parked(c)) parked_.store(true);
}

// There is, or may be, more to read, and no epoll event will say so.
bool Front::parked(const Connection& c) const noexcept {
  return c.state == ConnectionState::kWaiting && !c.endSeen && ((c.interest & EPOLLIN) == 0 || SSL_has_pending(c.ssl) != 0);
}

void Front::readChunk(Connection& c) {
  size_t length = 0;
  switch (c.read(chunk_, length)) {
    case TlsStep::kDone: {
      const ByteView chunk(chunk_.data(), length);
      c.retain(chunk);
      c.state = ConnectionState::kWaiting;
      shared_.events.post(EventType::kData, c.handle, ++c.sequence, chunk);
      OPENSSL_cleanse(chunk_.data(), length);
      if (parked(c)) parked_.store(true);
      return;
    }
    case TlsStep::kWait:
      return listenFor(c, c.interest | EPOLLIN);
    case TlsStep::kEof:
      return reportEnd(c);
    case TlsStep::kFailed:
      return close(c, true);
  }
}

void Front::reportEnd(Connection& c) {
  if (!c.endSeen) shared_.events.post(EventType::kEnd, c.handle, 0, {});
  c.endSeen = true;
  listenFor(c, c.interest & EPOLLOUT);  // and errors
}

void Front::flush(Connection& c) {
  switch (c.flush()) {
    case TlsStep::kDone:
      c.stalledSince = 0;
      if (std::exchange(c.notify, false)) shared_.events.post(EventType::kFlushed, c.handle, 0, {});
      if (c.state == ConnectionState::kClosing) return finish(c);
      if ((c.interest & EPOLLOUT) != 0) listenFor(c, c.interest & ~EPOLLOUT);
      return;
    case TlsStep::kWait:
      if (c.stalledSince == 0) c.stalledSince = now_;
      return listenFor(c, c.interest | EPOLLOUT);
    default:
      return close(c, true);
  }
}

// All is written: close_notify, FIN, and a while for the peer to read it. A close() with unread bytes in the socket
// would reset the connection and destroy an answer on its way, so what still comes is read and discarded.
void Front::finish(Connection& c) {
  c.sayGoodbye();
  ::shutdown(c.fd, SHUT_WR);
  if (c.endSeen) return close(c, false);
  c.deadline = now_ + kClosingMs;
  listenFor(c, EPOLLIN | EPOLLRDHUP);
}

void Front::onClosing(Connection& c, uint32_t events) {
  if ((events & EPOLLERR) != 0) return close(c, true);
  if (!c.goodbye) {
    if ((events & EPOLLOUT) != 0) return flush(c);
    return listenFor(c, EPOLLOUT);  // discarding starts when all is written
  }
  for (int i = 0; i < kDiscardsPerRound; ++i) {
    const ssize_t n = ::recv(c.fd, chunk_.data(), chunk_.size(), MSG_DONTWAIT);
    if (n > 0) continue;
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) close(c, n != 0);
    return;
  }
}

}  // namespace postern
