#include "front.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>

#include "op_error.h"

namespace postern {
namespace {

// Implementation constants.
constexpr int kEventsPerRound = 128;
constexpr uint64_t kInboxTag = UINT64_MAX;

int64_t monotonicMs() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

}  // namespace

Front::~Front() {
  if (epoll_ >= 0) ::close(epoll_);
}

bool Front::start(const std::vector<std::unique_ptr<Front>>& siblings, OpError& error) {
  siblings_ = &siblings;
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event wake{};
  wake.events = EPOLLIN;
  wake.data.u64 = kInboxTag;
  if (epoll_ < 0 || inbox_.fd() < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, inbox_.fd(), &wake) != 0) {
    error = errnoError(errno, "epoll", "cannot start a front thread");
    return false;
  }
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& refused) {
    error = errnoError(refused.code().value(), "thread", "cannot start a front thread");
    return false;
  }
  return true;
}

// A grant alone changes nothing as long as the next bytes bring their own wake-up: an answer mostly follows it, and a
// system call and a switch of threads less for each request are a part of a login's price. parked_ is written before the
// inbox is looked at for the last time, and read behind the push: one of the two sides sees the other.
void Front::command(FrontCommand&& command) {
  const bool grant = command.kind == FrontCommand::Kind::kGrant;
  inbox_.pushQuietly(std::move(command));
  if (!grant || parked_.load()) inbox_.signal();
}

void Front::lookAgain() {
  lookAgain_.store(true);
  inbox_.push({});
}

bool Front::alive() noexcept {
  const bool answered = pulse_.ask();
  inbox_.signal();
  return answered;
}

void Front::requestStop() {
  stop_.store(true);
  inbox_.push({});
}

void Front::join() {
  if (thread_.joinable()) thread_.join();
}

void Front::run() {
  ::pthread_setname_np(::pthread_self(), ("pt-front-" + std::to_string(index_)).c_str());
  chunk_.resize(16384);
  epoll_event events[kEventsPerRound];
  now_ = monotonicMs();
  while (!stop_.load()) {
    updateListening();
    if (parked_.load()) obeyAll();
    const bool timed = slots_.size() > 0 || room_.size() > 0 || lobby_.size() > 0 || acceptAfter_ != 0;
    const int n = ::epoll_wait(epoll_, events, kEventsPerRound, timed ? static_cast<int>(std::max<int64_t>(0, nextSweep_ - now_)) : -1);
    now_ = monotonicMs();
    obeyAll();  // grants first, then the bytes they are for
    for (int i = 0; i < n; ++i) {
      const uint64_t tag = events[i].data.u64;
      if (tag == kInboxTag) {
        inbox_.drain();
        obeyAll();
        if (lookAgain_.exchange(false)) accept();
      } else if (tag >= kProxyTag) {
        onProxy(static_cast<uint32_t>(tag - kProxyTag));
      } else if (tag >= kListenerTag) {
        accept();
      } else if (Connection* c = slots_.find(static_cast<uint32_t>(tag))) {
        onSocket(*c, events[i].events);
      }
    }
    if (now_ >= nextSweep_) sweep();
    buried_.clear();
    if (placesFree_ && room_.size() > 0) serveRoom();
    pulse_.answer();
  }
  inbox_.take(commands_);
  for (auto& command : commands_) {
    if (command.kind != FrontCommand::Kind::kPromote) continue;
    shared_.events.post(EventType::kTunnelDown, command.promotion->tunnel, static_cast<uint32_t>(TunnelDownReason::kStopped), Bytes(kTunnelCounterWords * 8));
  }
  commands_.clear();
  closeAll();
  buried_.clear();
  OPENSSL_thread_stop();
}

// Accepting is one switch for all listeners: off at the handshake bound, and for a moment when descriptors run out.
void Front::updateListening() {
  const bool wanted = handshakes_ < shared_.limits.handshakes && now_ >= acceptAfter_;
  if (wanted == listening_) return;
  listening_ = wanted;
  uint32_t index = 0;
  for (const auto& listener : shared_.listeners) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    event.data.u64 = kListenerTag + index++;
    ::epoll_ctl(epoll_, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener.fd(), &event);
  }
  if (wanted) return;
  // The kernel woke only us for the connections we leave in the queue.
  for (const auto& sibling : *siblings_) {
    if (sibling.get() != this) sibling->lookAgain();
  }
}

void Front::listenFor(Connection& c, uint32_t wanted) {
  if (c.watched && wanted == c.interest) return;
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = c.handle;
  ::epoll_ctl(epoll_, c.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c.fd, &event);
  c.interest = wanted;
  c.watched = true;
}

void Front::close(Connection& c, bool failed, bool reset) {
  if (c.state == ConnectionState::kHandshake) {
    --handshakes_;
    stats_.sub(Stat::handshakesOpen);
  } else {
    if (!failed && !reset && !c.goodbye) c.sayGoodbye();
    shared_.events.post(EventType::kClosed, c.handle, failed ? 1 : 0, {});
  }
  if (reset) c.resetOnClose();
  bury(c);
}

void Front::bury(Connection& c) {
  if (c.watched) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, c.fd, nullptr);
  stats_.sub(Stat::connectionsOpen);
  buried_.push_back(slots_.release(c.handle));
  placesFree_ = true;
}

void Front::obeyAll() {
  inbox_.takeUnasked(commands_);
  for (auto& command : commands_) obey(command);
  commands_.clear();
}

void Front::closeAll() {
  std::vector<uint32_t> handles;
  slots_.forEach([&](Connection& c) { handles.push_back(c.handle); });
  for (const uint32_t handle : handles) close(*slots_.find(handle), false);
}

}  // namespace postern
