#include "dtls_handshakes.h"

#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <system_error>
#include <thread>

#include "dtls_handshake_set.h"
#include "inbox.h"
#include "pulse.h"

namespace postern {
namespace {

constexpr uint64_t kLookMs = 1000;  // how long a confirm() or forget() may wait for the thread

struct Item {
  enum class Kind : uint8_t { kWake, kBegin, kDatagram, kConfirm, kForget };
  Kind kind = Kind::kWake;
  uint32_t tunnel = 0;       // forget
  uint64_t association = 0;  // confirm
  UdpPeer peer;
  DtlsCandidate candidate;   // begin
  Bytes bytes;
};

uint64_t monotonicMs() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000 + static_cast<uint64_t>(t.tv_nsec) / 1'000'000;
}

}  // namespace

struct DtlsHandshakes::Impl {
  explicit Impl(Context given) : context(std::move(given)), set(context, stats) {}

  // What comes from the network is bounded; confirm() and forget() are as few as the tunnels, and may not be lost.
  bool enqueue(Item&& item) {
    const size_t size = item.bytes.size();
    if (stopped.load() || queued.load() >= kQueue || queuedBytes.load() + size > kQueueBytes) return false;
    ++queued;
    queuedBytes += size;
    return inbox.push(std::move(item));
  }

  // Nobody waits for what they do: each would wake the thread twice a login.
  void enqueueOurs(Item&& item) {
    if (!stopped.load()) inbox.pushQuietly(std::move(item));
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), "postern-dtls");
    std::vector<Item> items;
    while (!stopped.load()) {
      const uint64_t now = monotonicMs(), next = set.tick(now);
      pollfd wake{inbox.fd(), POLLIN, 0};
      ::poll(&wake, 1, static_cast<int>(std::min<uint64_t>(next > now ? next - now : 0, kLookMs)));
      inbox.take(items);
      for (Item& item : items) obey(item);
      items.clear();
      stats.add(Stat::dtlsHandshakesRefused, turnedAway.exchange(0));
      pulse.answer();
    }
    set.clear();
    OPENSSL_thread_stop();
  }

  void obey(Item& item) {
    switch (item.kind) {
      case Item::Kind::kWake: return;
      case Item::Kind::kConfirm: return set.confirm(item.association);
      case Item::Kind::kForget: return set.forget(item.tunnel);
      case Item::Kind::kBegin: set.begin(item.peer, std::move(item.candidate), item.bytes, monotonicMs()); break;
      case Item::Kind::kDatagram: set.datagram(item.peer, item.bytes, monotonicMs()); break;
    }
    --queued;
    queuedBytes -= item.bytes.size();
  }

  Context context;
  StatBlock stats;
  DtlsHandshakeSet set;
  Inbox<Item> inbox{SIZE_MAX};
  std::atomic<size_t> queued{0}, queuedBytes{0};
  std::atomic<uint64_t> turnedAway{0};  // counted by the thread, which owns the counters
  std::atomic<bool> stopped{false};
  Pulse pulse;
  std::thread thread;
};

DtlsHandshakes::DtlsHandshakes(Context context) : impl_(std::make_unique<Impl>(std::move(context))) {}
DtlsHandshakes::~DtlsHandshakes() { stop(); }

int DtlsHandshakes::start() {
  if (impl_->inbox.fd() < 0) return EMFILE;
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited: there is no moment without it
  int code = 0;
  try {
    impl_->thread = std::thread([this] { impl_->run(); });
  } catch (const std::system_error& error) {
    code = error.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return code;
}

void DtlsHandshakes::stop() {
  impl_->stopped.store(true);
  impl_->inbox.push({});
  if (impl_->thread.joinable()) impl_->thread.join();
}

bool DtlsHandshakes::begin(const UdpPeer& peer, DtlsCandidate candidate, Bytes clientHello) {
  Item item{Item::Kind::kBegin, 0, 0, peer, std::move(candidate), std::move(clientHello)};
  if (impl_->enqueue(std::move(item))) return true;
  ++impl_->turnedAway;
  return false;
}

bool DtlsHandshakes::datagram(const UdpPeer& peer, Bytes bytes) {
  return impl_->enqueue({Item::Kind::kDatagram, 0, 0, peer, {}, std::move(bytes)});
}

void DtlsHandshakes::confirm(uint64_t association) { impl_->enqueueOurs({Item::Kind::kConfirm, 0, association, {}, {}, {}}); }

void DtlsHandshakes::forget(uint32_t tunnel) { impl_->enqueueOurs({Item::Kind::kForget, tunnel, 0, {}, {}, {}}); }

const StatBlock& DtlsHandshakes::stats() const noexcept { return impl_->stats; }

bool DtlsHandshakes::alive() noexcept {
  const bool answered = impl_->pulse.ask();
  impl_->inbox.signal();
  return answered;
}

}  // namespace postern
