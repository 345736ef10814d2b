// Which tunnels exist, for every thread: their worker, their counters, the routes to them, and what was said about a
// tunnel before it arrived. A mutex guards it; packets only use router().
#pragma once
#include <deque>
#include <mutex>
#include <unordered_map>

#include "rate_shares.h"
#include "router.h"
#include "tunnel_counters.h"
#include "worker_pool.h"

namespace postern {

struct DropRequest {
  DropHow how = DropHow::kClose;
  std::string text;
  TunnelDownReason reason = TunnelDownReason::kDropped;
};

// Commands that overtook the adopt of their tunnel.
struct EarlyCommands {
  std::optional<TunnelSpec> spec;
  std::optional<DropRequest> drop;
};

class TunnelTable {
 public:
  const Router& router() const noexcept { return router_; }

  // The pool only, under its own mutex. place() is false when the number is in use.
  bool place(uint32_t tunnel, uint32_t worker);
  std::optional<uint32_t> workerOf(uint32_t tunnel) const;
  EarlyCommands& early(uint32_t tunnel);  // remembered, at most kEarly of them
  EarlyCommands takeEarly(uint32_t tunnel);

  // The owning worker. `counters` lives until leave().
  void enter(uint32_t tunnel, const TunnelSpec& spec, const TunnelCounters& counters);
  void change(uint32_t tunnel, const TunnelSpec& from, const TunnelSpec& to);
  // `routes` false: they stay until unroute(), so that packets still find the worker.
  void leave(uint32_t tunnel, const TunnelSpec& spec, bool routes = true);
  void unroute(uint32_t tunnel, const TunnelSpec& spec);
  // Is `newer` a tunnel of the client whose last one was `older`?
  bool follows(uint32_t newer, uint32_t older) const;

  RateShares& shares() noexcept { return shares_; }
  // Any thread. False for a tunnel that is not up.
  bool read(uint32_t tunnel, uint64_t nowMs, TunnelCounterWords& into) const;

 private:
  static constexpr size_t kEarly = 1024;  // implementation constant
  struct Entry {
    uint32_t worker;
    const TunnelCounters* counters = nullptr;
    uint32_t predecessor = 0;
  };
  void route(uint32_t tunnel, uint32_t worker, const TunnelSpec& spec);
  void removeRoutes(uint32_t tunnel, const TunnelSpec& spec);

  std::unordered_map<uint32_t, EarlyCommands> early_;  // with earlyOrder_: guarded by the pool
  std::deque<uint32_t> earlyOrder_;
  mutable std::mutex mutex_;  // guards the rest, and router_'s writers
  std::unordered_map<uint32_t, Entry> entries_;
  Router router_;
  RateShares shares_;
};

}  // namespace postern
