// The data workers and the TUN device they share: everything behind promotion. The front threads and the addon see
// only this header.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dtls_table.h"
#include "endpoint.h"
#include "event.h"
#include "stats.h"
#include "tunnel_spec.h"

namespace postern {

// errno name, operation and text for a person: becomes DataPlaneError(errno, op, message).
struct OpError {
  std::string code;     // "EPERM", "ENOENT", "ERR_TUN_OFFLOAD" ...
  std::string op;       // "open /dev/net/tun"
  std::string message;
};

// What the TUN device carries, prefixes as text.
struct DeviceSpec {
  std::vector<std::string> addresses;  // "10.20.0.1/16"
  std::vector<std::string> routes;
};

struct WorkerPoolSpec {
  std::string device;                  // may hold %d
  std::vector<std::string> addresses;  // as in DeviceSpec
  std::vector<std::string> routes;
  uint16_t mtu = 1400;
  uint32_t workers = 0;                // 0 = by the machine
  std::vector<Endpoint> udp = {};      // bound by every worker (SO_REUSEPORT); empty: no DTLS. Ports are never 0
};

class WorkerPool {
 public:
  virtual ~WorkerPool() = default;  // stop() first
  virtual const std::string& device() const = 0;
  virtual uint32_t workers() const = 0;
  virtual const std::vector<std::string>& offloads() const = 0;
  // Takes the place of addresses and routes of the device; what the kernel refuses is returned, the rest is in force. Not
  // beside another call of it or stop().
  virtual std::vector<OpError> configureDevice(const DeviceSpec& spec) = 0;
  // Any thread. Ends in exactly one kTunnelDown, or kTunnelUp then one kTunnelDown, whatever happens.
  virtual void adopt(std::unique_ptr<Promotion> promotion) = 0;
  virtual void update(uint32_t tunnel, const TunnelSpec& spec) = 0;
  // Unknown tunnels are ignored. A drop that overtakes its own adopt still wins.
  virtual void drop(uint32_t tunnel, DropHow how, std::string text, TunnelDownReason reason) = 0;
  // The PSK behind an offer's id; empty when there is none.
  virtual DtlsSecret dtlsSecret(ByteView id) const = 0;
  virtual bool counters(uint32_t tunnel, TunnelCounterWords& into) const = 0;
  // Whether each thread has gone through a round since it was last asked. One asker.
  virtual bool alive() = 0;
  virtual void addStats(std::array<uint64_t, kStatCount>& sum) const = 0;
  // Closes all tunnels without DISCONNECT (close_notify, <= 200 ms), joins the threads, removes the device. Idempotent.
  virtual void stop() = 0;
};

// Creates the TUN device with its addresses and routes, then the threads. On failure returns nullptr and fills `error`;
// nothing is left behind.
std::unique_ptr<WorkerPool> createWorkerPool(const WorkerPoolSpec& spec, EventSink& events, OpError& error);

}  // namespace postern
