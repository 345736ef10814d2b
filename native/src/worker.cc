#include "worker.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace postern {
namespace {

// Implementation constants.
constexpr size_t kCommands = 1 << 20;        // never full in practice: a few per login
constexpr int kEvents = 64;
constexpr unsigned long kTimerSlackNs = 1'000;
constexpr int kNice = -10;

// What an epoll event is about, besides a Tunnel's address. kUdp is the first socket's.
enum Tag : uint64_t { kQueue = 1, kCommandInbox, kPacketInbox, kDatagramInbox, kUdp };
constexpr size_t kSockets = 64;  // bits of a round's word

// Of two waits, -1: for ever.
int sooner(int a, int b) noexcept { return a < 0 || (b >= 0 && b < a) ? b : a; }

int watchTag(int epoll, int fd, uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  return fd < 0 ? EMFILE : ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

}  // namespace

Worker::Worker(const Context& context)
    : context_(context),
      commands_(kCommands),
      packets_(Downlink::kHandOver),
      datagramInbox_(Datagrams::kHandOver),
      nowMs_(coarseMs()),
      upLine_(context.index),
      downLine_(context.index),
      output_(stats_),
      sockets_(context.sockets != nullptr ? std::move(*context.sockets) : UdpSockets()),
      udp_(sockets_, context.kernel, stats_),
      tun_(context.queueFd, context.offloads, stats_),
      associations_(context.index, context.dtls, context.events, stats_),
      uplink_(tun_, context.table.router(), askers_, stats_),
      datagrams_({context.index, context.dtls, context.kernel, context.datagrams}, sockets_, associations_, uplink_, udp_, stats_),
      downlink_({context.index, context.queueFd, context.table, context.inboxes}, tunnels_, tun_, output_, udp_, askers_),
      wheel_(static_cast<uint32_t>(nowMs_ / 1000)) {}

Worker::~Worker() {
  if (epoll_ >= 0) ::close(epoll_);
}

int Worker::start() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return errno;
  if (const int code = watchTag(epoll_, context_.queueFd, kQueue)) return code;
  if (const int code = watchTag(epoll_, commands_.fd(), kCommandInbox)) return code;
  if (const int code = watchTag(epoll_, packets_.fd(), kPacketInbox)) return code;
  if (const int code = watchTag(epoll_, datagramInbox_.fd(), kDatagramInbox)) return code;
  if (sockets_.size() > kSockets) return E2BIG;
  for (const UdpSocket& socket : sockets_) {
    if (const int code = watchTag(epoll_, socket.fd(), kUdp + socket.listener())) return code;
  }
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited: there is no moment without it
  int code = 0;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    code = error.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return code;
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  pthread_setname_np(pthread_self(), ("postern-data" + std::to_string(context_.index)).c_str());
  ::prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice);  // without CAP_SYS_NICE: like the others
  ERR_clear_error();
  while (!stopped_) round();
  OPENSSL_thread_stop();
}

int Worker::timeoutMs() const noexcept {
  if (!reads_.empty() || batchAt_ < batch_.size() || timersLeft_ || datagrams_.strangersWait()) return 0;
  if (downlink_.parked().holding()) return 5;
  if (!lingering_.empty() || !downlink_.parked().empty()) return 100;
  if (tunnels_.empty()) return -1;
  return static_cast<int>(1000 - nowMs_ % 1000) + 4;  // just behind the next second of the coarse clock
}

int Worker::shapedMs() const noexcept {
  if (upLine_.empty() && downLine_.empty()) [[likely]] return -1;
  const uint64_t dueUs = std::min(upLine_.empty() ? ShaperLine::kNever : upLine_.dueUs(), downLine_.empty() ? ShaperLine::kNever : downLine_.dueUs());
  const uint64_t nowUs = exactUs();
  return dueUs <= nowUs ? 0 : static_cast<int>(std::min<uint64_t>((dueUs - nowUs + 999) / 1000, 1000));
}

void Worker::round() {
  epoll_event events[kEvents];
  const int n = ::epoll_wait(epoll_, events, kEvents, sooner(timeoutMs(), shapedMs()));
  nowMs_ = coarseMs();
  bool queue = false, handed = false, handedDatagrams = false, commands = batchAt_ < batch_.size();
  uint64_t udp = 0;
  for (int i = 0; i < n; ++i) {
    const epoll_event& event = events[i];
    if (event.data.u64 == kQueue) queue = true;
    else if (event.data.u64 == kPacketInbox) handed = true;
    else if (event.data.u64 == kDatagramInbox) handedDatagrams = true;
    else if (event.data.u64 == kCommandInbox) commands = true;
    else if (event.data.u64 >= kUdp && event.data.u64 < kUdp + kSockets) udp |= uint64_t{1} << (event.data.u64 - kUdp);
    else readable(*static_cast<Tunnel*>(event.data.ptr), event.events);
  }
  readTurns();
  if (commands) takeCommands();
  const bool quick = askers_.present(packetsRead(), nowMs_);
  if (udp != 0) datagrams_.read(udp, nowMs_);
  if (handedDatagrams) datagrams_.readInbox(nowMs_);
  datagrams_.endRound(nowMs_);
  if (!upLine_.empty()) uplink_.serve(upLine_, tunnels_, output_.pool);
  uplink_.flush();
  datagrams_.release();
  settle();
  if (handed) downlink_.readInbox(nowMs_);
  // Without its device the gateway still talks to its clients; polling what is gone would never sleep.
  if (queue && !downlink_.readQueue(nowMs_, quick ? Downlink::kQuickBytes : Downlink::kBytes)) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, context_.queueFd, nullptr);
  if (!downLine_.empty()) downlink_.serve(downLine_, nowMs_);
  settle();
  if (!downlink_.parked().empty()) downlink_.settleParked(nowMs_);
  tick();
  settle();
  associations_.bury();
  graveyard_.clear();
  pulse_.answer();
  moderate(quick);
}

void Worker::moderate(bool quick) {
  const uint64_t pauseNs = moderation_.pauseNs(buffersRead(), packetsRead(), nowMs_);
  if (quick || !reads_.empty() || pauseNs == 0) return;
  stats_.add(Stat::moderationPauses);
  const timespec pause{0, static_cast<long>(pauseNs)};
  ::nanosleep(&pause, nullptr);
}

}  // namespace postern
