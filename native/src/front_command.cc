// Front: what JavaScript asks for. A stale handle makes every command a no-op, except that a promotion is answered.
#include <sys/epoll.h>

#include "front.h"

namespace postern {
namespace {

// Implementation constants.
constexpr size_t kMaxBacklog = 256 * 1024;  // bytes waiting when one more write comes; the Duplex stops at 64 kB

}  // namespace

void Front::obey(FrontCommand& command) {
  Connection* c = slots_.find(command.handle);
  if (command.kind == FrontCommand::Kind::kPromote) return promote(c, command.arg, std::move(command.promotion));
  if (c == nullptr || c->state == ConnectionState::kHandshake) return;
  const bool closing = c->state == ConnectionState::kClosing;
  switch (command.kind) {
    case FrontCommand::Kind::kGrant:
      if (!closing) grant(*c, command.arg);
      break;
    case FrontCommand::Kind::kWrite:
      if (!closing) write(*c, command.bytes, command.arg != 0);
      OPENSSL_cleanse(command.bytes.data(), command.bytes.size());
      break;
    case FrontCommand::Kind::kEnd:
      if (closing) break;
      c->state = ConnectionState::kClosing;
      c->forgetRetained();
      flush(*c);
      break;
    case FrontCommand::Kind::kDestroy:
      close(*c, false, command.arg != 0);
      break;
    case FrontCommand::Kind::kPromote:
    case FrontCommand::Kind::kWake:
      break;
  }
}

void Front::grant(Connection& c, uint32_t sequence) {
  if (c.state != ConnectionState::kWaiting || sequence != c.sequence) return;
  const bool unheard = parked(c);
  c.forgetRetained();
  c.state = ConnectionState::kGranted;
  if (unheard) readChunk(c);  // else the socket will tell
}

void Front::write(Connection& c, ByteView bytes, bool notify) {
  if (c.backlog() > kMaxBacklog) {
    stats_.add(Stat::slowReaders);
    return close(c, true);
  }
  c.append(bytes);
  c.notify = c.notify || notify;
  if (c.stalledSince == 0) flush(c);
}

// Every promotion ends in the pool or in one tunnelDown.
void Front::promote(Connection* c, uint32_t seen, std::unique_ptr<Promotion> promotion) {
  if (c == nullptr || (c->state != ConnectionState::kGranted && c->state != ConnectionState::kWaiting)) {
    shared_.events.post(EventType::kTunnelDown, promotion->tunnel, static_cast<uint32_t>(TunnelDownReason::kGone), Bytes(kTunnelCounterWords * 8));
    return;
  }
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, c->fd, nullptr);
  c->watched = false;
  c->handOver(*promotion, seen);
  bury(*c);
  shared_.pool.adopt(std::move(promotion));
}

}  // namespace postern
