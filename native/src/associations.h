// The DTLS channels of one worker's tunnels: how they come, take each other's place and end. The worker's thread only.
#pragma once
#include "dtls_shared.h"
#include "peer_table.h"
#include "tunnel.h"

namespace postern {

class Associations {
 public:
  // `shared` is nullptr without DTLS: no offer is ever entered then.
  Associations(uint32_t worker, DtlsShared* shared, EventSink& events, StatBlock& stats)
      : worker_(worker), shared_(shared), events_(events), stats_(stats) {}

  // The tunnel's offer in the place of an older one, `before`: the channel it may have goes on unless nothing is offered
  // any more.
  void offer(Tunnel& tunnel, const DtlsOffer* before);
  // The tunnel is down: nothing of it may be found any more. Silent on the wire and towards the control plane.
  void leave(Tunnel& tunnel);

  DtlsChannel* find(const UdpPeer& peer) const noexcept { return peers_.find(peer); }
  // A handshake is over. False when the tunnel has no use for it.
  bool install(DtlsReady& ready, Tunnel& tunnel, uint64_t nowMs);
  // A client that has not spoken by now never will; a channel that has made way is not needed any more.
  void expire(Tunnel& tunnel, uint32_t nowSec);
  // A handshake is over whose tunnel is gone.
  void refuse(const DtlsReady& ready);
  // The first record that authenticates: the client has all that it needs of the handshake.
  void confirm(DtlsChannel& channel, uint32_t nowSec);
  // The client of a confirmed channel is there now: nobody has that peer.
  void move(DtlsChannel& channel, const UdpPeer& peer, uint64_t nowMs);
  // While a channel's trial runs: its client has spoken, with an answer or of itself.
  void tried(DtlsChannel& channel, bool answer);
  // Tunnels whose clocks have changed: calls visit(Tunnel&) for each, and forgets them.
  template <typename Visit>
  void forChanged(Visit&& visit);
  // Channels that were found to be over go to the grave, or make way.
  void settle(uint32_t nowSec);
  // End of the round: nobody points to them any more.
  void bury() noexcept { graveyard_.clear(); }

 private:
  void take(std::unique_ptr<DtlsChannel>& channel);
  // Datagrams of its peer find the channel, or do no longer.
  void enter(DtlsChannel& channel);
  void forget(DtlsChannel& channel);
  void tellPeer(const DtlsChannel& channel);
  void remove(DtlsChannel& channel, DtlsDownReason reason);
  // The tunnel's channel makes way; what comes over it is read until `untilSec`.
  void retire(Tunnel& tunnel, uint32_t untilSec, DtlsDownReason reason);

  const uint32_t worker_;
  DtlsShared* const shared_;
  EventSink& events_;
  StatBlock& stats_;
  PeerTable peers_;
  std::vector<DtlsChannel*> endings_;
  std::vector<DtlsChannel*> changed_;
  std::vector<std::unique_ptr<DtlsChannel>> graveyard_;
};

template <typename Visit>
void Associations::forChanged(Visit&& visit) {
  for (const DtlsChannel* channel : changed_) visit(channel->tunnel);
  changed_.clear();
}

}  // namespace postern
