// A front thread: accepts, runs handshakes and carries HTTP bytes between connections and JavaScript until a connection
// is promoted or gone (reference border sections 4 and 5).
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "connection.h"
#include "event.h"
#include "inbox.h"
#include "proxy_lobby.h"
#include "pulse.h"
#include "slot_table.h"
#include "stats.h"
#include "waiting_room.h"
#include "worker_pool.h"

namespace postern {

struct ConnectionLimits {
  uint32_t connections = 2000;
  uint32_t connectionsPerAddress = 32;
  uint32_t handshakes = 32;  // of each front
  uint32_t handshakeTimeoutMs = 10000;
};

// From JavaScript to the front that owns the handle.
struct FrontCommand {
  enum class Kind : uint8_t { kWake, kGrant, kWrite, kEnd, kDestroy, kPromote };
  Kind kind = Kind::kWake;  // only looks at the flags
  uint32_t handle = 0;
  uint32_t arg = 0;  // grant: sequence; write: 1 = notify; destroy: 1 = reset; promote: last sequence seen
  Bytes bytes;       // write
  std::unique_ptr<Promotion> promotion;
};

// What all fronts share; outlives them.
struct FrontShared {
  const std::vector<Listener>& listeners;
  const TlsSource& tls;
  const ConnectionLimits limits;
  Admission& admission;
  EventSink& events;
  WorkerPool& pool;
  const TrustedProxies proxies;
};

class Front {
 public:
  Front(uint32_t index, FrontShared& shared) : index_(index), shared_(shared), slots_(index), room_(shared.limits.connections / 2), lobby_(shared.limits.connections / 2) {}
  ~Front();  // stop() first
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;
  // `siblings` are told when this front stops accepting; it must stay valid until stop().
  bool start(const std::vector<std::unique_ptr<Front>>& siblings, OpError& error);
  // Any thread.
  void command(FrontCommand&& command);
  void lookAgain();
  // As Worker::alive().
  bool alive() noexcept;
  void requestStop();
  void join();
  const StatBlock& stats() const noexcept { return stats_; }

 private:
  void run();
  void accept();
  void welcome(int fd, const sockaddr_storage& proxy);
  void onProxy(uint32_t guest);
  void turnAway(uint32_t guest);
  void admit(int fd, const sockaddr_storage& peer, bool proxied);
  void begin(int fd, const sockaddr_storage& peer, bool proxied, const Admission::Source& source);
  void refuse(int fd, Stat reason);
  void serveRoom();
  void updateListening();
  void onSocket(Connection& c, uint32_t events);
  void onHandshake(Connection& c);
  void onWaiting(Connection& c, uint32_t events);
  void onClosing(Connection& c, uint32_t events);
  void obey(FrontCommand& command);
  void grant(Connection& c, uint32_t sequence);
  void write(Connection& c, ByteView bytes, bool notify);
  void promote(Connection* c, uint32_t seen, std::unique_ptr<Promotion> promotion);
  void readChunk(Connection& c);
  void flush(Connection& c);
  void finish(Connection& c);
  void reportEnd(Connection& c);
  void listenFor(Connection& c, uint32_t events);
  void close(Connection& c, bool failed, bool reset = false);
  void bury(Connection& c);
  void sweep();
  void closeAll();
  void obeyAll();
  bool parked(const Connection& c) const noexcept;

  // Tags of epoll: connections have their handles, the inbox has the last number.
  static constexpr uint64_t kListenerTag = uint64_t{1} << 32;
  static constexpr uint64_t kProxyTag = uint64_t{1} << 33;

  const uint32_t index_;
  FrontShared& shared_;
  SlotTable slots_;
  WaitingRoom room_;
  ProxyLobby lobby_;
  bool placesFree_ = false;  // since the room was served
  Inbox<FrontCommand> inbox_{SIZE_MAX};
  std::vector<FrontCommand> commands_;  // being obeyed
  // Some connection may have more to read and no epoll event that would say so: its grant must wake us.
  std::atomic<bool> parked_{false};
  std::vector<std::unique_ptr<Connection>> buried_;  // a later event of the same round may still name them
  const std::vector<std::unique_ptr<Front>>* siblings_ = nullptr;
  int epoll_ = -1;
  bool listening_ = false;
  uint32_t handshakes_ = 0;
  int64_t now_ = 0;         // milliseconds, monotonic, of this round
  int64_t nextSweep_ = 0;
  int64_t acceptAfter_ = 0;  // out of descriptors until then
  Bytes chunk_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> lookAgain_{false};
  StatBlock stats_;
  Pulse pulse_;
  std::thread thread_;
};

}  // namespace postern
