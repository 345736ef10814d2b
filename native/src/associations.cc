#include "associations.h"

namespace postern {
namespace {

DtlsSecret secretOf(const Tunnel& tunnel) {
  const DtlsOffer& offer = *tunnel.spec.dtls;
  return DtlsSecret(offer.mode == DtlsOffer::Mode::kResumed ? offer.masterSecret : Bytes(tunnel.psk.begin(), tunnel.psk.end()));
}

// How long a client may take to find that its channel is silent and to make another: openconnect counts twice the DPD interval
// (reference protocol section 8), and tries again after a minute.
uint32_t silenceSec(const TunnelSpec& spec) noexcept { return 3 * (spec.learning ? spec.dpdSec : spec.dtlsDpdSec) + 90; }

}  // namespace

void Associations::offer(Tunnel& tunnel, const DtlsOffer* before) {
  if (shared_ == nullptr) return;
  const auto& offer = tunnel.spec.dtls;
  if (before != nullptr && (offer == nullptr || offer->id != before->id)) shared_->table.remove(before->id, tunnel.id);
  if (offer != nullptr) return shared_->table.enter({tunnel.id, worker_, offer, secretOf(tunnel), tunnel.spec.roaming ? std::nullopt : tunnel.address});
  if (before != nullptr) shared_->handshakes.forget(tunnel.id);
  if (tunnel.dtls) remove(*tunnel.dtls, DtlsDownReason::kWithdrawn);
  if (tunnel.nextDtls) take(tunnel.nextDtls);
  if (tunnel.oldDtls) take(tunnel.oldDtls);
}

void Associations::leave(Tunnel& tunnel) {
  if (shared_ == nullptr) return;
  if (tunnel.spec.dtls) {
    shared_->table.remove(tunnel.spec.dtls->id, tunnel.id);
    shared_->handshakes.forget(tunnel.id);
  }
  tunnel.overDtls = false;
  if (tunnel.dtls) {
    stats_.sub(Stat::dtlsOpen);
    take(tunnel.dtls);
  }
  if (tunnel.nextDtls) take(tunnel.nextDtls);
  if (tunnel.oldDtls) take(tunnel.oldDtls);
}

bool Associations::install(DtlsReady& ready, Tunnel& tunnel, uint64_t nowMs) {
  if (tunnel.spec.dtls != ready.offer) {
    refuse(ready);
    return false;
  }
  // Whoever had these addresses before has lost them: the new peer has shown that it holds the keys.
  if (DtlsChannel* before = peers_.find(ready.peer)) remove(*before, DtlsDownReason::kReplaced);
  if (tunnel.nextDtls) take(tunnel.nextDtls);
  tunnel.nextDtls = std::make_unique<DtlsChannel>(tunnel, ready, endings_, changed_, static_cast<uint32_t>(nowMs / 1000));
  enter(*tunnel.nextDtls);
  // Its last flight may still be repeated.
  shared_->peers.begin(ready.peer, nowMs + DtlsHandshakes::kTimeoutMs, nowMs);
  changed_.push_back(tunnel.nextDtls.get());
  return true;
}

void Associations::expire(Tunnel& tunnel, uint32_t nowSec) {
  if (tunnel.nextDtls && nowSec >= tunnel.nextDtls->waitsUntilSec) take(tunnel.nextDtls);
  if (tunnel.oldDtls && nowSec >= tunnel.oldDtls->waitsUntilSec) take(tunnel.oldDtls);
}

void Associations::refuse(const DtlsReady& ready) {
  shared_->peers.finish(ready.peer);
  shared_->handshakes.confirm(ready.association);
}

void Associations::confirm(DtlsChannel& channel, uint32_t nowSec) {
  Tunnel& tunnel = channel.tunnel;
  channel.confirmed = true;
  shared_->peers.finish(channel.peer);
  channel.liveness = Liveness(nowSec);
  shared_->handshakes.confirm(channel.association);
  channel.keysSinceSec = nowSec;
  if (tunnel.dtls) {
    stats_.add(Stat::udpMoved);
    if (tunnel.dtls->ended) remove(*tunnel.dtls, DtlsDownReason::kReplaced);
    else retire(tunnel, nowSec + DtlsChannel::kReplacedSec, DtlsDownReason::kReplaced);
  }
  tunnel.dtls = std::move(tunnel.nextDtls);
  shared_->sources.enter(channel.peer, worker_);
  tunnel.path.begin(nowSec);
  channel.changed();
  stats_.add(Stat::dtlsOpen);
  const std::string& name = channel.cipher;
  events_.post(EventType::kDtlsUp, tunnel.id, channel.former ? 1 : 0, {reinterpret_cast<const uint8_t*>(name.data()), name.size()});
  // By its handshake it may have come from anywhere.
  if (tunnel.address && channel.peer.address != *tunnel.address) tellPeer(channel);
}

void Associations::enter(DtlsChannel& channel) {
  peers_.insert(channel);
  if (shared_->workers > 1) shared_->peers.own(channel.peer, worker_);
  if (channel.confirmed) shared_->sources.enter(channel.peer, worker_);
}

void Associations::forget(DtlsChannel& channel) {
  peers_.remove(channel);
  if (shared_->workers > 1) shared_->peers.disown(channel.peer, worker_);
  if (channel.confirmed) shared_->sources.leave(channel.peer, worker_);
}

void Associations::move(DtlsChannel& channel, const UdpPeer& peer, uint64_t nowMs) {
  forget(channel);
  channel.roam(peer, nowMs);
  enter(channel);
  channel.tunnel.path.begin(static_cast<uint32_t>(nowMs / 1000));
  channel.changed();
  stats_.add(Stat::dtlsRoamed);
  tellPeer(channel);
}

void Associations::tellPeer(const DtlsChannel& channel) {
  const std::string address = channel.peer.addressText();
  channel.tunnel.address = channel.peer.address;
  events_.post(EventType::kRoamed, channel.tunnel.id, channel.peer.port, {reinterpret_cast<const uint8_t*>(address.data()), address.size()});
}

void Associations::tried(DtlsChannel& channel, bool answer) {
  const uint32_t seconds = answer ? channel.trial.answered() : channel.trial.spoke();
  if (seconds != 0) events_.post(EventType::kSilence, channel.tunnel.id, seconds << 1 | (answer ? 1u : 0u), {});
}

void Associations::settle(uint32_t nowSec) {
  for (size_t i = 0; i < endings_.size(); ++i) {
    DtlsChannel& channel = *endings_[i];
    if (channel.ended) remove(channel, *channel.ended);
    else if (channel.tunnel.dtls.get() == &channel) retire(channel.tunnel, nowSec + silenceSec(channel.tunnel.spec), DtlsDownReason::kRekey);
  }
  endings_.clear();
}

void Associations::retire(Tunnel& tunnel, uint32_t untilSec, DtlsDownReason reason) {
  DtlsChannel& channel = *tunnel.dtls;
  channel.retiring = true;
  channel.waitsUntilSec = untilSec;
  tunnel.overDtls = false;
  tunnel.path.stop();
  stats_.sub(Stat::dtlsOpen);
  if (reason == DtlsDownReason::kRekey) stats_.add(Stat::dtlsRekeys);
  if (tunnel.oldDtls) take(tunnel.oldDtls);
  tunnel.oldDtls = std::move(tunnel.dtls);
  changed_.push_back(&channel);
  events_.post(EventType::kDtlsDown, tunnel.id, static_cast<uint32_t>(reason), {});
}

// Nothing when it is in the grave already.
void Associations::remove(DtlsChannel& channel, DtlsDownReason reason) {
  Tunnel& tunnel = channel.tunnel;
  if (tunnel.nextDtls.get() == &channel) return take(tunnel.nextDtls);
  if (tunnel.oldDtls.get() == &channel) return take(tunnel.oldDtls);
  if (tunnel.dtls.get() != &channel) return;
  tunnel.overDtls = false;
  tunnel.path.stop();
  stats_.sub(Stat::dtlsOpen);
  take(tunnel.dtls);
  events_.post(EventType::kDtlsDown, tunnel.id, static_cast<uint32_t>(reason), {});
}

void Associations::take(std::unique_ptr<DtlsChannel>& channel) {
  if (!channel->confirmed) {
    shared_->handshakes.confirm(channel->association);
    shared_->peers.finish(channel->peer);
  }
  forget(*channel);
  // Records of this round must not be opened with it any more; those sealed with it may still be on their way out.
  if (!channel->ended) channel->ended = DtlsDownReason::kReplaced;
  graveyard_.push_back(std::move(channel));
}

}  // namespace postern
