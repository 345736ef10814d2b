// The life of a tunnel inside its worker: reading, sending, clocks, the end.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "worker.h"

namespace postern {
namespace {

// Implementation constants.
constexpr uint64_t kLingerMs = 1000;
constexpr size_t kTimersPerRound = 256;

// What a client still says after goodbye. False when it has closed.
bool discard(int fd) {
  uint8_t bytes[4096];
  for (int i = 0; i < 16; ++i) {
    const ssize_t n = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (n < 0) break;
  }
  return true;
}

}  // namespace

void Worker::readable(Tunnel& tunnel, uint32_t events) {
  if (tunnel.state == Tunnel::State::kClosed) return;
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if ((events & EPOLLOUT) != 0 && !tunnel.channel.touched) {
    tunnel.channel.touched = true;
    output_.touched.push_back(&tunnel);
  }
  if (tunnel.state == Tunnel::State::kLingering) {
    if ((broken || (events & EPOLLIN) != 0) && !discard(tunnel.channel.fd())) close(tunnel);
  } else if ((events & EPOLLIN) != 0) {
    reads_.want(tunnel.id, tunnel.reading);
  } else if (broken) {
    down(tunnel, TunnelDownReason::kEof, {});
    close(tunnel);
  }
}

// Once round the line: a client that sends without end takes its share and no more (reference dataplane section 3.5).
void Worker::readTurns() {
  reads_.round(
      [this](uint32_t id) {
        Tunnel* const tunnel = tunnels_.find(id);
        return tunnel == nullptr || tunnel->state != Tunnel::State::kOpen ? nullptr : &tunnel->reading;
      },
      [this](uint32_t id, int64_t credit) {
        Tunnel& tunnel = *tunnels_.find(id);
        const Uplink::Outcome outcome = uplink_.read(tunnel, nowMs_, static_cast<size_t>(credit));
        const auto bytes = static_cast<int64_t>(uplink_.taken());
        handle(tunnel, outcome);
        return DeficitRoundRobin::Served{bytes, outcome == Uplink::Outcome::kMore};
      });
}

void Worker::handle(Tunnel& tunnel, Uplink::Outcome outcome) {
  if (outcome == Uplink::Outcome::kMore) {
    reads_.want(tunnel.id, tunnel.reading);
  } else if (outcome == Uplink::Outcome::kDown) {
    tunnel.channel.closeNotify();
    tunnel.channel.flush();
    down(tunnel, uplink_.reason(), uplink_.detail());
    close(tunnel);
  } else if (tunnel.congested()) {
    watch(tunnel);
  }
}

void Worker::settle() {
  // The list grows while it is walked: sending for one tunnel may flush what was collected for another.
  for (size_t i = 0; i < output_.touched.size(); ++i) {
    Tunnel& tunnel = *output_.touched[i];
    if (tunnel.state == Tunnel::State::kClosed) continue;
    const bool congested = tunnel.congested();
    bool sound = tunnel.channel.flush();
    if (tunnel.state == Tunnel::State::kOpen) tunnel.pump();
    sound = sound && !tunnel.channel.broken();
    tunnel.channel.touched = false;
    if (sound && tunnel.channel.worn() && tunnel.state == Tunnel::State::kOpen) {
      tunnel.channel.closeNotify();
      tunnel.channel.flush();
      down(tunnel, TunnelDownReason::kRekey, {});
      close(tunnel);
      continue;
    }
    if (!sound) {
      if (tunnel.state == Tunnel::State::kOpen) down(tunnel, TunnelDownReason::kEof, {});
      close(tunnel);
      continue;
    }
    if (!tunnel.channel.blocked()) {
      tunnel.channel.releaseBuffers();
      if (tunnel.state == Tunnel::State::kLingering) ::shutdown(tunnel.channel.fd(), SHUT_WR);
    }
    watch(tunnel);
    // Reading was held back, and the SSL may hold bytes that epoll cannot see.
    if (congested && !tunnel.congested() && tunnel.state == Tunnel::State::kOpen) handle(tunnel, Uplink::Outcome::kMore);
  }
  output_.touched.clear();
  settleDtls();
}

void Worker::watch(Tunnel& tunnel) {
  const uint32_t wanted = (tunnel.congested() ? 0u : EPOLLIN) | (tunnel.channel.blocked() ? EPOLLOUT : 0u);
  if (wanted == tunnel.interest) return;
  epoll_event event{};
  event.events = tunnel.interest = wanted;
  event.data.ptr = &tunnel;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, tunnel.channel.fd(), &event);
}

void Worker::tick() {
  const auto second = static_cast<uint32_t>(nowMs_ / 1000);
  timersLeft_ = !wheel_.advance(second, kTimersPerRound, [this](uint32_t id, uint32_t at) { check(id, at); });
  expireLingering();
}

void Worker::check(uint32_t id, uint32_t second) {
  Tunnel* tunnel = tunnels_.find(id);
  if (tunnel == nullptr || tunnel->state != Tunnel::State::kOpen || tunnel->wheelAt != second) return;
  tunnel->wheelAt = 0;
  const auto now = static_cast<uint32_t>(nowMs_ / 1000);
  if (!checkTls(*tunnel, now)) return;
  checkDtls(*tunnel, now);
  checkPath(*tunnel, now);
  schedule(*tunnel);
}

bool Worker::checkTls(Tunnel& tunnel, uint32_t second) {
  if (tunnel.spec.rekeySec != 0 && second >= tunnel.keysSinceSec + tunnel.spec.rekeySec) {
    tunnel.keysSinceSec = second;
    tunnel.channel.updateKeys();
  }
  for (;;) {
    switch (tunnel.liveness.check(tlsClocks(tunnel.spec), second)) {
      case Liveness::Action::kNone:
        return true;
      case Liveness::Action::kProbe:
        stats_.add(Stat::dpdSent);
        tunnel.control(cstp::kDpdReq, {});
        break;
      case Liveness::Action::kKeepalive:
        stats_.add(Stat::keepalivesSent);
        tunnel.control(cstp::kKeepalive, {});
        break;
      case Liveness::Action::kDead:
        // No DISCONNECT: a client that was only out of reach may come back.
        stats_.add(Stat::dpdTimeouts);
        tunnel.channel.closeNotify();
        tunnel.channel.flush();
        down(tunnel, TunnelDownReason::kDpd, {});
        close(tunnel);
        return false;
    }
  }
}

void Worker::schedule(Tunnel& tunnel) {
  uint32_t due = tunnel.liveness.nextDue(tlsClocks(tunnel.spec));
  const auto earlier = [&due](uint32_t at) {
    if (at != 0 && (due == 0 || at < due)) due = at;
  };
  if (tunnel.spec.rekeySec != 0) earlier(tunnel.keysSinceSec + tunnel.spec.rekeySec);
  if (tunnel.dtls) {
    earlier(tunnel.dtls->liveness.nextDue(dtlsClocks(tunnel.spec)));
    if (tunnel.spec.rekeySec != 0) earlier(tunnel.dtls->keysSinceSec + tunnel.spec.rekeySec);
    earlier(tunnel.dtls->trial.nextDue());
  }
  earlier(tunnel.path.nextDue());
  if (tunnel.nextDtls) earlier(tunnel.nextDtls->waitsUntilSec);
  if (tunnel.oldDtls) earlier(tunnel.oldDtls->waitsUntilSec);
  if (due == 0 || (tunnel.wheelAt != 0 && tunnel.wheelAt <= due)) return;
  tunnel.wheelAt = wheel_.schedule(tunnel.id, due);
}

void Worker::down(Tunnel& tunnel, TunnelDownReason reason, ByteView detail) {
  // Who lost the connection, or changes it, comes back; who said goodbye does not.
  const bool returns = reason == TunnelDownReason::kEof || reason == TunnelDownReason::kSuperseded || reason == TunnelDownReason::kRekey;
  const bool parks = tunnel.up && returns && (tunnel.spec.ipv4 || tunnel.spec.ipv6);
  if (parks) downlink_.park(tunnel, nowMs_);
  if (tunnel.up) stats_.sub(Stat::tunnelsOpen);
  context_.table.leave(tunnel.id, tunnel.spec, !parks);
  associations_.leave(tunnel);
  const TunnelCounterWords words = tunnel.counters.read(nowMs_);
  Bytes payload(sizeof words);
  for (size_t i = 0; i < words.size(); ++i) {
    for (size_t byte = 0; byte < 8; ++byte) payload[i * 8 + byte] = static_cast<uint8_t>(words[i] >> (8 * byte));
  }
  payload.insert(payload.end(), detail.begin(), detail.end());
  context_.events.post(EventType::kTunnelDown, tunnel.id, static_cast<uint32_t>(reason), payload);
}

void Worker::linger(Tunnel& tunnel) {
  tunnel.channel.closeNotify();
  tunnel.state = Tunnel::State::kLingering;
  tunnel.lingerUntilMs = nowMs_ + kLingerMs;
  lingering_.push_back(tunnel.id);
}

void Worker::close(Tunnel& tunnel) {
  tunnel.state = Tunnel::State::kClosed;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, tunnel.channel.fd(), nullptr);
  graveyard_.push_back(tunnels_.remove(tunnel.id));
}

void Worker::expireLingering() {
  std::erase_if(lingering_, [this](uint32_t id) {
    Tunnel* tunnel = tunnels_.find(id);
    if (tunnel != nullptr && nowMs_ >= tunnel->lingerUntilMs) {
      close(*tunnel);
      tunnel = nullptr;
    }
    return tunnel == nullptr;
  });
}

}  // namespace postern
