// A data worker: one thread, one level-triggered epoll set with its TUN queue, its UDP sockets, the TLS connections of
// its tunnels and its inboxes. Nothing on the packet path locks, allocates or waits (reference dataplane section 3.1).
//
// Any thread may call post(), packets(), datagrams() and stats(); everything else runs on the worker's own thread.
#pragma once
#include <atomic>
#include <thread>

#include "coarse_clock.h"
#include "datagrams.h"
#include "downlink.h"
#include "moderation.h"
#include "pulse.h"
#include "timer_wheel.h"
#include "tunnel_table.h"
#include "uplink.h"

namespace postern {

struct Command {
  enum class Kind : uint8_t { kAdopt, kUpdate, kDrop, kDtls, kDtlsLate, kStop };
  Kind kind;
  uint32_t tunnel = 0;
  std::unique_ptr<Promotion> promotion;  // kAdopt
  std::optional<TunnelSpec> spec;        // kUpdate
  std::optional<DropRequest> drop;       // kDrop; with kAdopt: it overtook
  std::unique_ptr<DtlsReady> dtls = {};  // kDtls
  std::unique_ptr<DtlsLate> late = {};   // kDtlsLate
};

class Worker {
 public:
  struct Context {
    uint32_t index;
    int queueFd;
    Offloads offloads;
    TunnelTable& table;
    EventSink& events;
    const std::vector<PacketInbox*>& inboxes;
    UdpSockets* sockets = nullptr;  // taken; nullptr without DTLS, as the next
    DtlsShared* dtls = nullptr;
    const std::vector<DatagramInbox*>& datagrams;
    UdpKernel& kernel = UdpKernel::real();
  };
  explicit Worker(const Context& context);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // 0 or an errno value: descriptors and the thread. All signals are blocked in the thread.
  int start();
  void join();
  bool post(Command&& command) { return commands_.push(std::move(command)); }
  PacketInbox& packets() noexcept { return packets_; }
  DatagramInbox& datagrams() noexcept { return datagramInbox_; }
  const StatBlock& stats() const noexcept { return stats_; }
  // One asker: whether it has gone through a round since it was last asked. Wakes it.
  bool alive() noexcept {
    const bool answered = pulse_.ask();
    commands_.signal();
    return answered;
  }
  const UdpSockets& sockets() const noexcept { return sockets_; }

 private:
  void run();
  void round();
  int timeoutMs() const noexcept;
  int shapedMs() const noexcept;  // until a packet that waits for its rate may go; -1: none does
  void moderate(bool quick);  // `quick`: without a pause
  // Super-packets of the device, frames of clients and buffers of datagrams so far.
  uint64_t buffersRead() const noexcept {
    return stats_.get(Stat::tunReads) + stats_.get(Stat::cstpRxFrames) + stats_.get(Stat::udpReads);
  }
  // What they held.
  uint64_t packetsRead() const noexcept {
    return stats_.get(Stat::tunRxPackets) + stats_.get(Stat::cstpRxFrames) + stats_.get(Stat::udpRxDatagrams);
  }

  // worker_commands.cc
  void takeCommands();
  void execute(Command& command);
  void adopt(std::unique_ptr<Promotion> promotion, const std::optional<DropRequest>& drop);
  void update(Tunnel& tunnel, const TunnelSpec& spec);
  void drop(Tunnel& tunnel, const DropRequest& request);
  void stopAll();
  void limit(Tunnel& tunnel);

  // worker_dtls.cc
  void install(std::unique_ptr<DtlsReady> ready);
  void feed(DtlsLate& late);
  void settleDtls();
  void checkDtls(Tunnel& tunnel, uint32_t second);
  void checkPath(Tunnel& tunnel, uint32_t second);
  void tellPathMtu(Tunnel& tunnel);
  void tryAgain(DtlsChannel& channel, uint32_t second);

  // worker_tunnels.cc
  void readable(Tunnel& tunnel, uint32_t events);
  void readTurns();
  void handle(Tunnel& tunnel, Uplink::Outcome outcome);
  void settle();  // everything produced since the last call leaves, or waits for EPOLLOUT
  void watch(Tunnel& tunnel);
  void tick();
  void check(uint32_t id, uint32_t second);
  bool checkTls(Tunnel& tunnel, uint32_t second);  // false: it has ended
  void schedule(Tunnel& tunnel);
  void down(Tunnel& tunnel, TunnelDownReason reason, ByteView detail);  // says so, once
  void linger(Tunnel& tunnel);
  void close(Tunnel& tunnel);
  void expireLingering();

  Context context_;
  StatBlock stats_;
  Pulse pulse_;
  Inbox<Command> commands_;
  PacketInbox packets_;
  DatagramInbox datagramInbox_;
  int epoll_ = -1;
  uint64_t nowMs_ = 0;
  bool stopped_ = false;
  Moderation moderation_;
  Askers askers_;
  std::vector<Command> batch_;  // taken from the inbox, executed up to batchAt_
  size_t batchAt_ = 0;
  DeficitRoundRobin reads_;  // tunnels whose socket or channel has bytes
  bool timersLeft_ = false;
  ShaperLine upLine_, downLine_;  // tunnels name them
  TlsOutput output_;
  UdpSockets sockets_;
  UdpOutput udp_;
  TunWriter tun_;
  Associations associations_;
  TunnelSet tunnels_;
  Uplink uplink_;
  Datagrams datagrams_;
  Downlink downlink_;
  TimerWheel wheel_;
  std::vector<uint32_t> lingering_;
  std::vector<std::unique_ptr<Tunnel>> graveyard_;  // freed at the end of a round: the batch of epoll may name them
  std::thread thread_;
};

}  // namespace postern
