// A worker pool in a network namespace of its own, and tunnels into it. Needs root and /dev/net/tun.
#pragma once
#include <doctest/doctest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "netlink.h"
#include "packets.h"
#include "vpn_client.h"
#include "worker_pool.h"

namespace postern::test {

// Moves the process (its first thread, before others exist) into an empty network. False: say SKIP and return.
inline bool inOwnNetwork() {
  static const bool done = [] {
    if (::access("/dev/net/tun", R_OK | W_OK) != 0 || ::unshare(CLONE_NEWNET) != 0) return false;
    Netlink netlink;
    return netlink.open() == 0 && netlink.bringUp(1) == 0;  // 1 is always lo
  }();
  if (!done) MESSAGE("SKIP: needs root and /dev/net/tun");
  return done;
}
#define NEEDS_NETWORK() if (!postern::test::inOwnNetwork()) return

struct Event {
  EventType type;
  uint32_t handle, arg;
  Bytes payload;
};

class Events final : public EventSink {
 public:
  void post(EventType type, uint32_t handle, uint32_t arg, ByteView payload) noexcept override {
    std::lock_guard lock(mutex_);
    events_.push_back({type, handle, arg, Bytes(payload.begin(), payload.end())});
    changed_.notify_all();
  }
  std::optional<Event> wait(EventType type, uint32_t handle, int ms = 5000) {
    std::unique_lock lock(mutex_);
    std::optional<Event> found;
    changed_.wait_for(lock, std::chrono::milliseconds(ms), [&] {
      for (const Event& e : events_) {
        if (e.type == type && e.handle == handle) found = e;
      }
      return found.has_value();
    });
    return found;
  }
  size_t count(EventType type, uint32_t handle) {
    std::lock_guard lock(mutex_);
    size_t n = 0;
    for (const Event& e : events_) n += e.type == type && e.handle == handle;
    return n;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
};

// As Flow of packets.h writes addresses: tunnels are 10.20.0.N and fd00::N, the gateway 10.20.0.1, 10.0.0.1, fd00::1.
struct Gateway {
  explicit Gateway(uint32_t workers = 1, uint16_t mtu = 1400, std::vector<Endpoint> udp = {}) {
    OpError error;
    pool = createWorkerPool({"pttest%d", {"10.20.0.1/24", "10.0.0.1/32", "fd00::1/64"}, {}, mtu, workers, std::move(udp)}, events, error);
    if (pool == nullptr) throw std::runtime_error(error.op + ": " + error.message);
  }
  ~Gateway() { pool->stop(); }

  static TunnelSpec spec(uint8_t host) {
    TunnelSpec s;
    s.ipv4 = 0x0a140000u | host;
    s.ipv6 = Ipv6{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
    return s;
  }
  static std::unique_ptr<Promotion> promotion(uint32_t tunnel, const TunnelSpec& s, const TlsPair& pair) {
    auto p = std::make_unique<Promotion>();
    p->tunnel = tunnel;
    p->spec = s;
    p->fd = pair.serverFd;
    p->ssl = pair.server;
    return p;
  }
  // Adopts a fresh connection and waits until the tunnel is up.
  std::unique_ptr<VpnClient> connect(uint32_t tunnel, const TunnelSpec& s, const TlsPair& pair = connectTls()) {
    pool->adopt(promotion(tunnel, s, pair));
    check(events.wait(EventType::kTunnelUp, tunnel).has_value(), "tunnelUp");
    return std::make_unique<VpnClient>(pair);
  }
  std::unique_ptr<VpnClient> connect(uint8_t host) { return connect(host, spec(host)); }

  uint64_t stat(Stat s) const {
    std::array<uint64_t, kStatCount> sum{};
    pool->addStats(sum);
    return sum[static_cast<size_t>(s)];
  }
  // Waits until the counter has reached `value`; returns what it is then.
  uint64_t waitStat(Stat s, uint64_t value, int ms = 5000) const {
    for (int i = 0; i < ms && stat(s) < value; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return stat(s);
  }
  TunnelCounterWords counters(uint32_t tunnel) const {
    TunnelCounterWords words{};
    check(pool->counters(tunnel, words), "no such tunnel");
    return words;
  }
  // The reason, or nothing when it did not end.
  std::optional<TunnelDownReason> downReason(uint32_t tunnel, int ms = 5000) {
    const auto event = events.wait(EventType::kTunnelDown, tunnel, ms);
    if (!event) return std::nullopt;
    return static_cast<TunnelDownReason>(event->arg);
  }

  Events events;
  std::unique_ptr<WorkerPool> pool;
};

// A UDP socket of the gateway's host, on 10.0.0.1 or fd00::1.
class HostUdp {
 public:
  explicit HostUdp(bool ipv6 = false) : fd_(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), ipv6_(ipv6) {
    sockaddr_storage address = host(1, 0, true);
    check(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind udp");
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
    const timeval patience{2, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~HostUdp() { ::close(fd_); }
  int fd() const { return fd_; }
  void sendTo(uint8_t tunnelHost, uint16_t toPort, const Bytes& data) {
    sockaddr_storage to = host(tunnelHost, toPort, false);
    check(::sendto(fd_, data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to) >= 0, "sendto");
  }
  std::optional<Bytes> receive() {
    Bytes data(65536);
    const ssize_t n = ::recv(fd_, data.data(), data.size(), 0);
    if (n < 0) return std::nullopt;
    data.resize(static_cast<size_t>(n));
    return data;
  }
  uint16_t port = 0;

 private:
  sockaddr_storage host(uint8_t n, uint16_t toPort, bool own) const {
    sockaddr_storage storage{};
    if (ipv6_) {
      auto& a = reinterpret_cast<sockaddr_in6&>(storage);
      a.sin6_family = AF_INET6;
      a.sin6_port = htons(toPort);
      a.sin6_addr.s6_addr[0] = 0xfd;
      a.sin6_addr.s6_addr[15] = n;
    } else {
      auto& a = reinterpret_cast<sockaddr_in&>(storage);
      a.sin_family = AF_INET;
      a.sin_port = htons(toPort);
      a.sin_addr.s_addr = htonl(own ? 0x0a000001u : 0x0a140000u | n);
    }
    return storage;
  }
  int fd_;
  bool ipv6_;
};

// The packet a client sends to that socket.
inline Bytes udpPacket(uint8_t tunnelHost, const HostUdp& to, const Bytes& data, bool ipv6 = false) {
  Flow f;
  f.udp = true;
  f.ipv6 = ipv6;
  f.src = tunnelHost;
  f.dstPort = to.port;
  return build(f, data);
}

}  // namespace postern::test
