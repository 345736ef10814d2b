// What the pool asks of a worker: adopt, update, drop, stop.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "worker.h"

namespace postern {
namespace {

// Implementation constants.
constexpr size_t kCommandsPerRound = 64;  // a storm of logins must not hold up packets
constexpr int kNotSentLowWater = 128 * 1024;
constexpr size_t kDropText = 256;
constexpr int kStopMs = 200;
constexpr uint8_t kDisconnectCode = 0x01;

void tune(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kNotSentLowWater, sizeof kNotSentLowWater);
}

// Where OpenSSL refuses, a key that nobody knows.
void exportPsk(SSL* ssl, std::array<uint8_t, 32>& into) {
  constexpr char kLabel[] = "EXPORTER-openconnect-psk";
  if (SSL_export_keying_material(ssl, into.data(), into.size(), kLabel, sizeof kLabel - 1, nullptr, 0, 0) == 1) return;
  RAND_bytes(into.data(), static_cast<int>(into.size()));
  ERR_clear_error();
}

// A secret that is not given again stays as it was: the control plane keeps none.
bool keepsSecret(const Bytes& before, const Bytes& after) { return after.empty() || after == before; }

bool keepsOffer(const std::shared_ptr<const DtlsOffer>& a, const std::shared_ptr<const DtlsOffer>& b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->mode == b->mode && a->id == b->id && a->ciphers == b->ciphers && a->helloVerify == b->helloVerify && keepsSecret(a->masterSecret, b->masterSecret) && keepsSecret(a->formerSecret, b->formerSecret) &&
         a->formerFirst == b->formerFirst;
}

}  // namespace

void Worker::takeCommands() {
  if (batchAt_ == batch_.size()) {
    batchAt_ = 0;
    commands_.take(batch_);
  }
  const size_t end = std::min(batch_.size(), batchAt_ + kCommandsPerRound);
  while (batchAt_ < end) execute(batch_[batchAt_++]);
  if (batchAt_ == batch_.size()) {
    batchAt_ = 0;
    batch_.clear();
  }
}

void Worker::execute(Command& command) {
  if (command.kind == Command::Kind::kAdopt) return adopt(std::move(command.promotion), command.drop);
  if (command.kind == Command::Kind::kStop) return stopAll();
  if (command.kind == Command::Kind::kDtls) return install(std::move(command.dtls));
  if (command.kind == Command::Kind::kDtlsLate) return feed(*command.late);
  Tunnel* tunnel = tunnels_.find(command.tunnel);
  if (tunnel == nullptr || tunnel->state != Tunnel::State::kOpen) return;
  if (command.kind == Command::Kind::kUpdate) update(*tunnel, *command.spec);
  if (command.kind == Command::Kind::kDrop) drop(*tunnel, *command.drop);
}

// Reference border section 5, step 5.
void Worker::adopt(std::unique_ptr<Promotion> promotion, const std::optional<DropRequest>& request) {
  tune(promotion->fd);
  std::array<uint8_t, 32> psk{};
  if (context_.dtls != nullptr) exportPsk(promotion->ssl, psk);
  Tunnel& tunnel = tunnels_.add(std::make_unique<Tunnel>(promotion->tunnel, promotion->spec, promotion->fd, promotion->ssl,
                                                         output_, nowMs_));
  limit(tunnel);
  tunnel.psk = psk;
  tunnel.address = remoteAddress(tunnel.channel.fd());
  OPENSSL_cleanse(psk.data(), psk.size());
  promotion->fd = -1;
  promotion->ssl = nullptr;
  epoll_event event{};
  event.events = tunnel.interest = EPOLLIN;
  event.data.ptr = &tunnel;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, tunnel.channel.fd(), &event) != 0) {
    down(tunnel, TunnelDownReason::kInternal, {});
    return close(tunnel);
  }
  // The answer to it may come at once.
  if (tunnel.spec.dtls) associations_.offer(tunnel, nullptr);
  // The CONNECT answer goes first; only then can packets find the tunnel.
  if (!tunnel.channel.write(promotion->pendingOut) || !tunnel.channel.flush()) {
    down(tunnel, TunnelDownReason::kGone, {});
    return close(tunnel);
  }
  if (request) return drop(tunnel, *request);
  context_.table.enter(tunnel.id, tunnel.spec, tunnel.counters);
  tunnel.up = true;
  stats_.add(Stat::promoted);
  stats_.add(Stat::tunnelsOpen);
  context_.events.post(EventType::kTunnelUp, tunnel.id, 0, {});
  schedule(tunnel);
  Uplink::Outcome outcome = uplink_.feed(tunnel, promotion->early, nowMs_);
  // Bytes inside the SSL are invisible to epoll.
  if (outcome != Uplink::Outcome::kDown) outcome = uplink_.read(tunnel, nowMs_);
  handle(tunnel, outcome);
}

void Worker::update(Tunnel& tunnel, const TunnelSpec& spec) {
  context_.table.change(tunnel.id, tunnel.spec, spec);
  const std::shared_ptr<const DtlsOffer> before = tunnel.spec.dtls;
  const bool roamed = tunnel.spec.roaming;
  tunnel.spec = spec;
  limit(tunnel);
  const bool same = keepsOffer(before, spec.dtls);
  if (same) tunnel.spec.dtls = before;  // handshakes under way name it
  if (!same || roamed != spec.roaming) associations_.offer(tunnel, before.get());
  tunnel.path.limit(tunnel.mtu(), static_cast<uint32_t>(nowMs_ / 1000));
  tellPathMtu(tunnel);
  schedule(tunnel);
}

// Its rates, as its spec has them now.
void Worker::limit(Tunnel& tunnel) {
  const TunnelSpec& spec = tunnel.spec;
  if (tunnel.shapers == nullptr) {
    if (spec.rateUp == 0 && spec.rateDown == 0 && spec.shares.empty()) return;
    tunnel.shapers = std::make_unique<Shapers>(tunnel.id, upLine_, downLine_);
  }
  const uint64_t nowNs = exactUs() * 1000;
  Shaper::Buckets up{tunnel.shapers->ownUp}, down{tunnel.shapers->ownDown};
  up[0]->limit(spec.rateUp, nowNs);
  down[0]->limit(spec.rateDown, nowNs);
  for (const ShareSpec& share : spec.shares) {
    const std::shared_ptr<RateShare> shared = context_.table.shares().get(share.id, share.rateUp, share.rateDown, nowNs);
    up.emplace_back(shared, &shared->up);
    down.emplace_back(shared, &shared->down);
  }
  tunnel.shapers->up.limit(std::move(up));
  tunnel.shapers->down.limit(std::move(down));
}

void Worker::drop(Tunnel& tunnel, const DropRequest& request) {
  if (request.how != DropHow::kClose) {
    const bool disconnect = request.how == DropHow::kDisconnect;
    Bytes payload;
    if (disconnect) payload.push_back(kDisconnectCode);
    const size_t length = std::min(request.text.size(), kDropText);
    payload.insert(payload.end(), request.text.begin(), request.text.begin() + static_cast<ptrdiff_t>(length));
    tunnel.control(disconnect ? cstp::kDisconnect : cstp::kTerminate, payload);
  }
  down(tunnel, request.reason, {});
  linger(tunnel);
}

// All tunnels are told at once, then share one deadline. Nothing comes into the inbox behind kStop.
void Worker::stopAll() {
  stopped_ = true;
  std::vector<Tunnel*> open;
  for (const uint32_t id : tunnels_.ids()) {
    Tunnel& tunnel = *tunnels_.find(id);
    if (tunnel.state == Tunnel::State::kOpen) {
      tunnel.channel.closeNotify();
      down(tunnel, TunnelDownReason::kStopped, {});
    }
    if (tunnel.state != Tunnel::State::kClosed) open.push_back(&tunnel);
  }
  for (const uint64_t deadline = coarseMs() + kStopMs; !open.empty();) {
    std::vector<pollfd> waiting;
    std::erase_if(open, [](Tunnel* tunnel) {
      tunnel->channel.flush();
      return !tunnel->channel.blocked();
    });
    for (const Tunnel* tunnel : open) waiting.push_back({tunnel->channel.fd(), POLLOUT, 0});
    const uint64_t now = coarseMs();
    if (open.empty() || now >= deadline) break;
    ::poll(waiting.data(), waiting.size(), static_cast<int>(deadline - now));
  }
  uplink_.flush();
  udp_.flush();
  output_.touched.clear();
  for (const uint32_t id : tunnels_.ids()) close(*tunnels_.find(id));
}

}  // namespace postern
