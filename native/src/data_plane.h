// The whole data plane of this process: locks, listeners, TLS contexts, front threads, worker pool, event queue.
#pragma once
#include <atomic>
#include <functional>

#include "event_queue.h"
#include "front.h"

namespace postern {

struct OpenRequest {
  std::vector<Endpoint> listen;
  std::string lockDirectory;
  ConnectionLimits limits;
  std::vector<std::string> proxies;  // networks, as `10.0.0.0/8`
  WorkerPoolSpec pool;
  std::vector<TlsContextConfig> tls;
  bool udp = false;  // datagrams on the ports of `listen`
  bool fips = false;  // approved algorithms only (cipher_order.h)
};

struct OpenResult {
  std::string device;
  std::vector<Endpoint> listeners, udp;
  uint32_t workers = 0, fronts = 0;
  std::vector<std::string> offloads;
  std::string opensslVersion, opensslObject;
};

class DataPlane {
 public:
  // The one of this process; never destroyed, because threads and exit handlers may outlive everything else.
  static DataPlane& instance();

  // Nothing is left behind on failure. `wake` is called from any thread when events() has something new.
  bool open(OpenRequest&& request, std::function<void()> wake, OpenResult& result, OpError& error);
  // Fronts, then workers; joins all threads. Idempotent, any thread, also from exit handlers. The events of the end
  // are then in events().
  void stop();
  bool configureTls(const std::vector<TlsContextConfig>& configs, OpError& error);
  std::vector<OpError> configureDevice(const DeviceSpec& spec);
  void command(FrontCommand&& command);
  void update(uint32_t tunnel, TunnelSpec spec);
  void drop(uint32_t tunnel, DropHow how, std::string text);
  // The PSK behind an offer's id; empty when there is none.
  DtlsSecret dtlsSecret(ByteView id);
  bool counters(uint32_t tunnel, TunnelCounterWords& into);
  // Whether every thread has gone through a round since this was last asked; false when nothing runs.
  bool alive();
  // Of the running plane, or of the last one.
  std::array<uint64_t, kStatCount> stats();
  EventQueue& events() noexcept { return events_; }

 private:
  struct Running;
  DataPlane() = default;
  bool start(Running& run, OpenRequest& request, OpError& error);
  std::array<uint64_t, kStatCount> sum() const;

  std::mutex mutex_;  // of running_; JavaScript's thread, and whichever thread exits
  Running* running_ = nullptr;
  std::atomic<bool> fips_ = false;  // as last opened
  std::array<uint64_t, kStatCount> last_{};
  EventQueue events_;
};

// Front threads for a machine of `cores` (reference border section 4).
inline uint32_t frontCount(uint32_t cores) noexcept { return cores <= 4 ? 1 : cores <= 16 ? 2 : kMaxFronts; }

}  // namespace postern
