#include "data_plane.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "op_error.h"
#include "udp_socket.h"

namespace postern {
namespace {

void stopAtExit() { DataPlane::instance().stop(); }

std::string opensslObject() {
  Dl_info info{};
  return ::dladdr(reinterpret_cast<void*>(&SSL_CTX_new), &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

// A port that the system chooses has to be free for datagrams too; the workers bind them later. Those that are not stay
// taken until one is found, so that the system does not choose them again.
bool openListener(std::vector<Listener>& listeners, const Endpoint& wanted, const OpenRequest& request, OpError& error) {
  constexpr int kTries = 16;
  std::vector<Listener> unfit;
  for (int i = 0;; ++i) {
    Listener listener;
    if (!listener.open(wanted, request.lockDirectory, error)) return false;
    UdpSocket probe;
    if (!request.udp || wanted.port != 0 || probe.open(listener.endpoint(), 0, true, error)) {
      listeners.push_back(std::move(listener));
      return true;
    }
    if (error.code != "EADDRINUSE" || i == kTries) return false;
    unfit.push_back(std::move(listener));
  }
}

// Threads started inside inherit a full signal mask: signals are node's business.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

// Destroyed from the bottom up: fronts, then the pool they give connections to, then what both look at.
struct DataPlane::Running {
  std::vector<Listener> listeners;
  TlsSource tls;
  std::unique_ptr<Admission> admission;
  std::unique_ptr<WorkerPool> pool;
  std::unique_ptr<FrontShared> shared;
  std::vector<std::unique_ptr<Front>> fronts;

  void stop() {
    for (auto& front : fronts) front->requestStop();
    for (auto& front : fronts) front->join();
    if (pool) pool->stop();
  }
};

DataPlane& DataPlane::instance() {
  static DataPlane* const plane = new DataPlane;
  return *plane;
}

bool DataPlane::open(OpenRequest&& request, std::function<void()> wake, OpenResult& result, OpError& error) {
  std::lock_guard lock(mutex_);
  if (running_ != nullptr) {
    error = {"EBUSY", "open", "the data plane is open already"};
    return false;
  }
  // Registered late, so that it runs before OpenSSL's own exit handler and before static destructors.
  static const int registered = std::atexit(stopAtExit);
  (void)registered;
  auto run = std::make_unique<Running>();
  events_.open(std::move(wake));
  if (!start(*run, request, error)) {
    run->stop();
    events_.close();
    return false;
  }
  result.device = run->pool->device();
  for (const auto& listener : run->listeners) result.listeners.push_back(listener.endpoint());
  if (request.udp) result.udp = result.listeners;
  result.workers = run->pool->workers();
  result.fronts = static_cast<uint32_t>(run->fronts.size());
  result.offloads = run->pool->offloads();
  result.opensslVersion = OpenSSL_version(OPENSSL_VERSION);
  result.opensslObject = opensslObject();
  running_ = run.release();
  return true;
}

bool DataPlane::start(Running& run, OpenRequest& request, OpError& error) {
  fips_ = request.fips;
  auto contexts = TlsContexts::create(request.tls, cipherOrder(fips_), error);
  if (!contexts) return false;
  run.tls.set(std::move(contexts));
  for (const auto& wanted : request.listen) {
    if (!openListener(run.listeners, wanted, request, error)) return false;
    if (request.udp) request.pool.udp.push_back(run.listeners.back().endpoint());
  }
  const SignalsBlocked blocked;
  run.pool = createWorkerPool(request.pool, events_, error);
  if (!run.pool) return false;
  run.admission = std::make_unique<Admission>(request.limits.connections, request.limits.connectionsPerAddress, std::max(1u, request.limits.handshakes / 2));
  run.shared = std::make_unique<FrontShared>(FrontShared{run.listeners, run.tls, request.limits, *run.admission, events_, *run.pool, TrustedProxies(request.proxies)});
  const uint32_t count = frontCount(std::thread::hardware_concurrency());
  for (uint32_t i = 0; i < count; ++i) run.fronts.push_back(std::make_unique<Front>(i, *run.shared));
  for (auto& front : run.fronts) {
    if (!front->start(run.fronts, error)) return false;
  }
  return true;
}

void DataPlane::stop() {
  std::lock_guard lock(mutex_);
  if (running_ == nullptr) return;
  events_.close();
  running_->stop();
  last_ = sum();
  delete running_;
  running_ = nullptr;
}

bool DataPlane::configureTls(const std::vector<TlsContextConfig>& configs, OpError& error) {
  auto contexts = TlsContexts::create(configs, cipherOrder(fips_), error);
  if (!contexts) return false;
  std::lock_guard lock(mutex_);
  if (running_ != nullptr) running_->tls.set(std::move(contexts));
  return true;
}

std::vector<OpError> DataPlane::configureDevice(const DeviceSpec& spec) {
  std::lock_guard lock(mutex_);
  return running_ != nullptr ? running_->pool->configureDevice(spec) : std::vector<OpError>();
}

void DataPlane::command(FrontCommand&& command) {
  if (fips_ && command.promotion != nullptr) command.promotion->spec.dtls = approvedOffer(command.promotion->spec.dtls);
  std::lock_guard lock(mutex_);
  const uint32_t front = splitHandle(command.handle).front;
  if (running_ != nullptr && front < running_->fronts.size()) {
    running_->fronts[front]->command(std::move(command));
  } else if (command.kind == FrontCommand::Kind::kPromote) {
    events_.post(EventType::kTunnelDown, command.promotion->tunnel, static_cast<uint32_t>(TunnelDownReason::kGone), Bytes(kTunnelCounterWords * 8));
  }
}

void DataPlane::update(uint32_t tunnel, TunnelSpec spec) {
  if (fips_) spec.dtls = approvedOffer(spec.dtls);
  std::lock_guard lock(mutex_);
  if (running_ != nullptr) running_->pool->update(tunnel, spec);
}

void DataPlane::drop(uint32_t tunnel, DropHow how, std::string text) {
  std::lock_guard lock(mutex_);
  if (running_ == nullptr) return;
  running_->pool->drop(tunnel, how, std::move(text), how == DropHow::kClose ? TunnelDownReason::kSuperseded : TunnelDownReason::kDropped);
}

DtlsSecret DataPlane::dtlsSecret(ByteView id) {
  std::lock_guard lock(mutex_);
  return running_ != nullptr ? running_->pool->dtlsSecret(id) : DtlsSecret();
}

bool DataPlane::counters(uint32_t tunnel, TunnelCounterWords& into) {
  std::lock_guard lock(mutex_);
  return running_ != nullptr && running_->pool->counters(tunnel, into);
}

bool DataPlane::alive() {
  std::lock_guard lock(mutex_);
  if (running_ == nullptr) return false;
  bool all = running_->pool->alive();
  for (const auto& front : running_->fronts) all = front->alive() && all;
  return all;
}

std::array<uint64_t, kStatCount> DataPlane::sum() const {
  std::array<uint64_t, kStatCount> total{};
  for (const auto& front : running_->fronts) {
    for (size_t i = 0; i < kStatCount; ++i) total[i] += front->stats().get(static_cast<Stat>(i));
  }
  running_->pool->addStats(total);
  events_.addStats(total);
  return total;
}

std::array<uint64_t, kStatCount> DataPlane::stats() {
  std::lock_guard lock(mutex_);
  return running_ != nullptr ? sum() : last_;
}

}  // namespace postern
