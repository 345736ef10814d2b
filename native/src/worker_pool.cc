#include "worker_pool.h"

#include <sched.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "coarse_clock.h"
#include "steering.h"
#include "tun_device.h"
#include "worker.h"

namespace postern {
namespace {

// Reference dataplane section 7, "Cores": one core stays for JavaScript and interrupts.
uint32_t workersForMachine() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int cores = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  if (cores <= 2) return 1;
  if (cores <= 4) return 2;
  return static_cast<uint32_t>(std::clamp(cores / 4, 4, 16));
}

// control_ orders commands: whoever finds a tunnel placed pushes behind its adopt. Taken before the table's mutex.
class Pool final : public WorkerPool {
 public:
  Pool(std::unique_ptr<TunDevice> device, EventSink& events) : device_(std::move(device)), events_(events) {}
  ~Pool() override { stop(); }

  bool start(const WorkerPoolSpec& spec, uint32_t workers, OpError& error) {
    std::vector<UdpSockets> sockets(workers);
    for (auto& mine : sockets) {
      for (const Endpoint& endpoint : spec.udp) {
        if (!mine.emplace_back().open(endpoint, static_cast<uint16_t>(mine.size() - 1), &mine == &sockets[0], error)) return false;
      }
    }
    if (!spec.udp.empty()) {
      dtls_ = std::make_unique<DtlsShared>(workers, DtlsHandshakes::Context{
          .sender = sender_, .ready = [this](auto ready) { this->ready(std::move(ready)); }, .late = [this](auto&& late) { this->late(std::move(late)); }});
      PeerSteering& steering = dtls_->peers.steering;
      if (workers > 1 && steering.open()) {
        for (const UdpSocket& socket : sockets[0]) steering.attach(socket.fd());
      }
    }
    for (uint32_t i = 0; i < workers; ++i) {
      workers_.push_back(std::make_unique<Worker>(Worker::Context{
          i, device_->queue(i), device_->offloads(), table_, events_, inboxes_, &sockets[i], dtls_.get(), datagrams_}));
      inboxes_.push_back(&workers_.back()->packets());
      datagrams_.push_back(&workers_.back()->datagrams());
    }
    sender_.sockets = &workers_[0]->sockets();
    for (const auto& worker : workers_) {
      if (const int code = worker->start()) {
        const char* name = ::strerrorname_np(code);
        error = {name != nullptr ? name : "EIO", "start data worker", std::strerror(code)};
        return false;
      }
    }
    if (const int code = dtls_ ? dtls_->handshakes.start() : 0) {
      const char* name = ::strerrorname_np(code);
      error = {name != nullptr ? name : "EIO", "start DTLS handshakes", std::strerror(code)};
      return false;
    }
    offloads_ = device_->offloadNames();
    return true;
  }

  const std::string& device() const override { return device_->name(); }
  uint32_t workers() const override { return static_cast<uint32_t>(workers_.size()); }
  const std::vector<std::string>& offloads() const override { return offloads_; }

  std::vector<OpError> configureDevice(const DeviceSpec& spec) override {
    return device_->prefixes().change(spec);
  }

  void adopt(std::unique_ptr<Promotion> promotion) override {
    std::lock_guard lock(control_);
    const uint32_t tunnel = promotion->tunnel;
    EarlyCommands early = table_.takeEarly(tunnel);
    if (stopped_) return refuse(tunnel, TunnelDownReason::kStopped);
    if (early.spec) promotion->spec = *early.spec;
    const uint32_t worker = steeredWorker(promotion->spec, workers());
    if (!table_.place(tunnel, worker)) return;  // a second adopt of one number: its events belong to the first
    Command command{Command::Kind::kAdopt, tunnel, std::move(promotion), std::nullopt, std::move(early.drop)};
    if (workers_[worker]->post(std::move(command))) return;
    table_.leave(tunnel, {});
    refuse(tunnel, TunnelDownReason::kInternal);
  }

  void update(uint32_t tunnel, const TunnelSpec& spec) override {
    std::lock_guard lock(control_);
    if (stopped_) return;
    if (const auto worker = table_.workerOf(tunnel)) {
      workers_[*worker]->post({Command::Kind::kUpdate, tunnel, nullptr, spec, std::nullopt});
    } else {
      table_.early(tunnel).spec = spec;
    }
  }

  void drop(uint32_t tunnel, DropHow how, std::string text, TunnelDownReason reason) override {
    std::lock_guard lock(control_);
    if (stopped_) return;
    DropRequest request{how, std::move(text), reason};
    if (const auto worker = table_.workerOf(tunnel)) {
      workers_[*worker]->post({Command::Kind::kDrop, tunnel, nullptr, std::nullopt, std::move(request)});
    } else {
      table_.early(tunnel).drop = std::move(request);
    }
  }

  DtlsSecret dtlsSecret(ByteView id) const override {
    auto candidate = dtls_ ? dtls_->table.find(id) : std::nullopt;
    return candidate && candidate->offer->mode == DtlsOffer::Mode::kPsk ? std::move(candidate->secret) : DtlsSecret();
  }

  bool counters(uint32_t tunnel, TunnelCounterWords& into) const override { return table_.read(tunnel, coarseMs(), into); }

  bool alive() override {
    bool all = !dtls_ || dtls_->handshakes.alive();
    for (const auto& worker : workers_) all = worker->alive() && all;
    return all;
  }

  void addStats(std::array<uint64_t, kStatCount>& sum) const override {
    for (const auto& worker : workers_) {
      for (size_t i = 0; i < kStatCount; ++i) sum[i] += worker->stats().get(static_cast<Stat>(i));
    }
    for (size_t i = 0; dtls_ && i < kStatCount; ++i) sum[i] += dtls_->handshakes.stats().get(static_cast<Stat>(i));
  }

  void stop() override {
    {
      std::lock_guard lock(control_);
      if (!stopped_) {
        stopped_ = true;
        for (const auto& worker : workers_) worker->post({Command::Kind::kStop, 0, nullptr, std::nullopt, std::nullopt});
      }
    }
    std::lock_guard lock(joining_);
    for (const auto& worker : workers_) worker->join();
    if (dtls_) dtls_->handshakes.stop();
    device_->close();
  }

 private:
  void refuse(uint32_t tunnel, TunnelDownReason reason) {
    const uint8_t counters[sizeof(TunnelCounterWords)] = {};
    events_.post(EventType::kTunnelDown, tunnel, static_cast<uint32_t>(reason), counters);
  }

  // Both from the thread of the handshakes.
  void ready(std::unique_ptr<DtlsReady> ready) {
    const uint32_t worker = ready->worker, tunnel = ready->tunnel;
    workers_[worker]->post({Command::Kind::kDtls, tunnel, nullptr, std::nullopt, std::nullopt, std::move(ready)});
  }

  void late(DtlsLate&& late) {
    const uint32_t worker = late.worker, tunnel = late.tunnel;
    workers_[worker]->post({Command::Kind::kDtlsLate, tunnel, nullptr, std::nullopt, std::nullopt, nullptr, std::make_unique<DtlsLate>(std::move(late))});
  }

  // What the handshakes send: over the first worker's sockets, which outlive their thread.
  struct Sender final : DatagramSender {
    const UdpSockets* sockets = nullptr;
    void send(const UdpPeer& to, ByteView datagram) noexcept override {
      if (to.listener < sockets->size()) sendUdp((*sockets)[to.listener], UdpKernel::real(), to, datagram);
    }
  };

  // Destroyed in reverse: workers before what they use.
  std::unique_ptr<TunDevice> device_;
  EventSink& events_;
  std::vector<std::string> offloads_;
  TunnelTable table_;
  std::mutex control_, joining_;
  bool stopped_ = false;
  std::vector<PacketInbox*> inboxes_;
  std::vector<DatagramInbox*> datagrams_;
  Sender sender_;
  std::unique_ptr<DtlsShared> dtls_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace

std::unique_ptr<WorkerPool> createWorkerPool(const WorkerPoolSpec& spec, EventSink& events, OpError& error) {
  const uint32_t workers = spec.workers != 0 ? spec.workers : workersForMachine();
  std::unique_ptr<TunDevice> device = TunDevice::create(spec, workers, error);
  if (device == nullptr) return nullptr;
  auto pool = std::make_unique<Pool>(std::move(device), events);
  if (!pool->start(spec, workers, error)) return nullptr;  // the destructor joins and closes
  return pool;
}

}  // namespace postern
