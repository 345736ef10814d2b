#include "strangers.h"

#include "dtls_greeter.h"

namespace postern {

void Strangers::meet(const UdpPeer& peer, ByteView datagram, uint64_t nowMs) {
  if (waiting_.size() >= kWaiting || !expected(peer, datagram, nowMs)) {
    stats_.add(Stat::udpUnknown);
    return;
  }
  waiting_.push_back({peer, Bytes(datagram.begin(), datagram.end())});
}

bool Strangers::expected(const UdpPeer& peer, ByteView datagram, uint64_t nowMs) const {
  ClientHello hello;
  bool helloVerify = false;
  if (parseClientHello(datagram, hello)) return shared_->table.tunnelOf(hello.sessionId, helloVerify) != 0;
  return shared_->peers.pending(peer, nowMs);
}

void Strangers::serve(bool busy, uint64_t nowMs) {
  for (size_t n = busy ? kBusyRound : kIdleRound; n != 0 && !waiting_.empty(); --n) {
    greet(std::move(waiting_.front()), nowMs);
    waiting_.pop_front();
  }
}

void Strangers::greet(Waiting&& stranger, uint64_t nowMs) {
  const UdpPeer& peer = stranger.peer;
  Greeting greeting = postern::greet(stranger.datagram, peer, nowMs, shared_->table, shared_->cookies);
  switch (greeting.verdict) {
    case Greeting::Verdict::kVerify:
    case Greeting::Verdict::kRefused:
      stats_.add(greeting.verdict == Greeting::Verdict::kVerify ? Stat::dtlsHellosVerified : Stat::dtlsHellosRefused);
      return output_.single(peer, greeting.answer);
    case Greeting::Verdict::kHandshake:
      if (greeting.candidate->only && *greeting.candidate->only != peer.address) return stats_.add(Stat::dtlsRoamingRefused);
      if (shared_->peers.begin(peer, nowMs + DtlsHandshakes::kTimeoutMs, nowMs)) {
        shared_->handshakes.begin(peer, std::move(*greeting.candidate), std::move(stranger.datagram));
      } else {
        stats_.add(Stat::dtlsHandshakesRefused);
      }
      return;
    case Greeting::Verdict::kIgnore:
      break;
  }
  if (shared_->peers.pending(peer, nowMs)) shared_->handshakes.datagram(peer, std::move(stranger.datagram));
  else stats_.add(Stat::udpUnknown);
}

}  // namespace postern
