// Front: from the listening socket to a finished handshake, and the clocks of all connections.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include "connection_info.h"
#include "front.h"

namespace postern {
namespace {

// Implementation constants.
constexpr int kAcceptsPerRound = 64;
constexpr int64_t kSweepMs = 100;
constexpr int64_t kDescriptorPauseMs = 200;    // after EMFILE
constexpr int64_t kPressedHandshakeMs = 2000;  // at the bound, a handshake that lingers makes room for others
constexpr int64_t kWriteStallMs = 30'000;      // a peer that reads nothing of what is due

}  // namespace

void Front::accept() {
  if (!listening_) return;
  for (const auto& listener : shared_.listeners) {
    for (int i = 0; i < kAcceptsPerRound && handshakes_ < shared_.limits.handshakes; ++i) {
      sockaddr_storage peer{};
      socklen_t length = sizeof peer;
      const int fd = ::accept4(listener.fd(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        stats_.add(Stat::accepted);
        if (shared_.proxies.contains(peer)) welcome(fd, peer);
        else admit(fd, peer, false);
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) acceptAfter_ = now_ + kDescriptorPauseMs;
      if (errno != ECONNABORTED && errno != EINTR) break;
    }
  }
}

void Front::admit(int fd, const sockaddr_storage& peer, bool proxied) {
  const Admission::Source source = Admission::sourceOf(peer);
  // Whom a proxy brings comes past the listener, and with it past the bound on handshakes.
  const bool waits = room_.holds(source) || handshakes_ >= shared_.limits.handshakes;
  const Admission::Verdict verdict = waits ? Admission::Verdict::kAddressFull : shared_.admission.enter(source);
  if (verdict == Admission::Verdict::kAdmitted) return begin(fd, peer, proxied, source);
  if (verdict == Admission::Verdict::kFull) return refuse(fd, Stat::refusedConnections);
  stats_.add(Stat::connectionsWaiting);
  if (const int leaves = room_.enter(source, {fd, peer, now_, proxied}); leaves >= 0) {
    stats_.sub(Stat::connectionsWaiting);
    refuse(leaves, Stat::refusedPerAddress);
  }
}

void Front::refuse(int fd, Stat reason) {
  stats_.add(reason);
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd);
}

// The place is taken.
void Front::begin(int fd, const sockaddr_storage& peer, bool proxied, const Admission::Source& source) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const uint32_t handle = slots_.reserve();
  auto made = std::make_unique<Connection>(handle, fd, peer, shared_.admission, source);
  if (handle == 0 || !made->startTls(shared_.tls.get())) {
    stats_.add(Stat::refusedConnections);
    made->resetOnClose();
    if (handle != 0) slots_.release(handle);
    return;
  }
  Connection& c = *made;
  c.proxied = proxied;
  c.since = now_;
  c.deadline = now_ + shared_.limits.handshakeTimeoutMs;
  slots_.put(std::move(made));
  ++handshakes_;
  stats_.add(Stat::connectionsOpen);
  stats_.add(Stat::handshakesOpen);
  listenFor(c, EPOLLIN | EPOLLRDHUP);
}

// Sources that were below their share come first: they are still in the kernel's queue.
void Front::serveRoom() {
  placesFree_ = false;
  updateListening();
  accept();
  room_.serve([this](const Admission::Source& source, const WaitingRoom::Guest& guest) {
    if (handshakes_ >= shared_.limits.handshakes || shared_.admission.enter(source) != Admission::Verdict::kAdmitted) return false;
    stats_.sub(Stat::connectionsWaiting);
    begin(guest.fd, guest.peer, guest.proxied, source);
    return true;
  });
}

void Front::onHandshake(Connection& c) {
  switch (c.handshake()) {
    case TlsStep::kWait:
      return listenFor(c, EPOLLIN | EPOLLRDHUP | (SSL_want_write(c.ssl) ? EPOLLOUT : 0u));
    case TlsStep::kDone:
      break;
    default:
      stats_.add(Stat::handshakeFailures);
      return close(c, true, true);
  }
  --handshakes_;
  stats_.sub(Stat::handshakesOpen);
  stats_.add(Stat::handshakes);
  placesFree_ = true;
  c.state = ConnectionState::kGranted;
  c.deadline = 0;
  shared_.events.post(EventType::kConnection, c.handle, 0, connectionInfo(c.ssl, c.peer, c.local(), c.proxied));
  listenFor(c, EPOLLIN | EPOLLRDHUP);
  if (SSL_has_pending(c.ssl) != 0) readChunk(c);  // else the socket will tell
}

void Front::sweep() {
  nextSweep_ = now_ + kSweepMs;
  placesFree_ = true;  // perhaps at another front
  for (int fd; (fd = room_.takeLate(now_ - shared_.limits.handshakeTimeoutMs)) >= 0;) {
    stats_.sub(Stat::connectionsWaiting);
    refuse(fd, Stat::refusedPerAddress);
  }
  while (const auto guest = lobby_.late(now_ - shared_.limits.handshakeTimeoutMs)) turnAway(*guest);
  if (now_ >= acceptAfter_) acceptAfter_ = 0;
  const bool pressed = handshakes_ >= shared_.limits.handshakes;
  bool anyParked = false;
  std::vector<uint32_t> late;
  slots_.forEach([&](Connection& c) {
    anyParked = anyParked || parked(c);
    const bool shaking = c.state == ConnectionState::kHandshake;
    if ((c.deadline != 0 && now_ >= c.deadline) || (shaking && pressed && now_ - c.since >= kPressedHandshakeMs) ||
        (c.stalledSince != 0 && now_ - c.stalledSince >= kWriteStallMs)) {
      late.push_back(c.handle);
    }
  });
  parked_.store(anyParked);
  shared_.events.flush();
  for (const uint32_t handle : late) {
    Connection& c = *slots_.find(handle);
    if (c.state == ConnectionState::kHandshake) {
      stats_.add(Stat::handshakeTimeouts);
      close(c, true, true);
    } else if (c.goodbye) {
      close(c, false);
    } else {
      stats_.add(Stat::slowReaders);
      close(c, true);
    }
  }
}

}  // namespace postern
