// The DTLS channels of a worker's tunnels: their arrival from the handshakes, their clocks, their end.
#include "path_probe.h"
#include "worker.h"

namespace postern {

void Worker::install(std::unique_ptr<DtlsReady> ready) {
  Tunnel* tunnel = tunnels_.find(ready->tunnel);
  if (tunnel == nullptr || !tunnel->up || tunnel->state != Tunnel::State::kOpen) return associations_.refuse(*ready);
  std::vector<Bytes> early = std::move(ready->early);
  if (!associations_.install(*ready, *tunnel, nowMs_)) return;
  datagrams_.feed(*tunnel->nextDtls, std::move(early), nowMs_);
}

void Worker::feed(DtlsLate& late) {
  DtlsChannel* channel = associations_.find(late.peer);
  if (channel == nullptr || channel->association != late.association) return;
  std::vector<Bytes> datagrams;
  datagrams.push_back(std::move(late.datagram));
  datagrams_.feed(*channel, std::move(datagrams), nowMs_);
}

void Worker::settleDtls() {
  udp_.flush();
  associations_.settle(static_cast<uint32_t>(nowMs_ / 1000));
  associations_.forChanged([this](Tunnel& tunnel) {
    tellPathMtu(tunnel);
    schedule(tunnel);
  });
}

void Worker::checkDtls(Tunnel& tunnel, uint32_t second) {
  associations_.expire(tunnel, second);
  if (tunnel.dtls && tunnel.dtls->trial.running()) tryAgain(*tunnel.dtls, second);
  while (tunnel.dtls && !tunnel.dtls->ended) {
    DtlsChannel& channel = *tunnel.dtls;
    if (tunnel.spec.rekeySec != 0 && second >= channel.keysSinceSec + tunnel.spec.rekeySec) return channel.retire();
    const uint32_t silence = channel.liveness.silence(second);
    switch (channel.liveness.check(dtlsClocks(tunnel.spec), second)) {
      case Liveness::Action::kNone:
        return;
      case Liveness::Action::kProbe:
        if (channel.trial.nextDue() != 0) break;  // it asks at its own pace
        stats_.add(Stat::dpdSent);
        udp_.send(channel, cstp::kDpdReq, {}, second);
        tunnel.path.disturbed(second);
        if (tunnel.spec.learning && !channel.trial.running()) channel.trial.begin(silence >= tunnel.spec.dtlsDpdSec ? silence : 0, second);
        break;
      case Liveness::Action::kKeepalive:
        stats_.add(Stat::keepalivesSent);
        udp_.send(channel, cstp::kKeepalive, {}, second);
        break;
      case Liveness::Action::kDead:
        stats_.add(Stat::dpdTimeouts);
        channel.end(DtlsDownReason::kDpd);
        return;
    }
  }
}

void Worker::checkPath(Tunnel& tunnel, uint32_t second) {
  probePath(tunnel, udp_, stats_, second);
  tellPathMtu(tunnel);
}

void Worker::tellPathMtu(Tunnel& tunnel) {
  const uint16_t mtu = tunnel.path.mtu();
  if (mtu == tunnel.toldMtu || !tunnel.up || tunnel.state != Tunnel::State::kOpen) return;
  if (mtu < tunnel.toldMtu) stats_.add(Stat::mtuLowered);
  tunnel.toldMtu = mtu;
  context_.events.post(EventType::kPathMtu, tunnel.id, mtu, {});
}

// The channel stays when nobody answers: the client cannot be told of its end, and would speak into the void until its own
// DPD notices. Its next record opens the path again.
void Worker::tryAgain(DtlsChannel& channel, uint32_t second) {
  switch (channel.trial.check(second)) {
    case SilenceTrial::Step::kNone:
      break;
    case SilenceTrial::Step::kProbe:
      stats_.add(Stat::dpdSent);
      udp_.send(channel, cstp::kDpdReq, {}, second);
      break;
    case SilenceTrial::Step::kUnanswered:
      channel.tunnel.overDtls = false;
      break;
  }
}

}  // namespace postern
