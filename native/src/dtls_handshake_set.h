// The handshakes under way and those that ended a moment ago: found by peer, tunnel and association, bounded in number and
// time. The logic of DtlsHandshakes without its thread: time goes in, datagrams and results come out.
#pragma once
#include <list>
#include <unordered_map>

#include "dtls_handshake.h"
#include "dtls_handshakes.h"

namespace postern {

class DtlsHandshakeSet {
 public:
  // Both outlive the set.
  DtlsHandshakeSet(DtlsHandshakes::Context& context, StatBlock& stats) : context_(context), stats_(stats) {}
  ~DtlsHandshakeSet() { clear(); }
  DtlsHandshakeSet(const DtlsHandshakeSet&) = delete;
  DtlsHandshakeSet& operator=(const DtlsHandshakeSet&) = delete;

  // As those of DtlsHandshakes.
  void begin(const UdpPeer& peer, DtlsCandidate candidate, ByteView clientHello, uint64_t nowMs);
  void datagram(const UdpPeer& peer, ByteView datagram, uint64_t nowMs);
  void confirm(uint64_t association);
  void forget(uint32_t tunnel);

  // Repeats flights and ends what has had its time. Returns the time of the next call, UINT64_MAX when there is none.
  uint64_t tick(uint64_t nowMs);
  void clear();
  size_t open() const noexcept { return open_.size(); }
  size_t kept() const noexcept { return kept_.size(); }

 private:
  struct Entry {
    UdpPeer peer;
    uint32_t tunnel = 0, worker = 0;
    std::array<uint8_t, 32> random{};
    uint64_t sinceMs = 0;  // of its list
    std::list<Entry*>::iterator place;
    // While it is open.
    std::unique_ptr<DtlsHandshake> handshake;
    std::shared_ptr<const DtlsOffer> offer;
    uint64_t repeatAtMs = UINT64_MAX;
    std::vector<Bytes> early;
    size_t earlyBytes = 0;
    size_t finished = 0;  // records of epoch 1
    // Afterwards.
    uint64_t association = 0;
    std::vector<Bytes> lastFlight;
    uint64_t repeatedMs = 0;
    uint32_t repeats = 0;
  };

  bool admit(const UdpPeer& peer, uint32_t tunnel);
  void keepEarly(Entry& entry, ByteView data);
  void proceed(Entry& entry, DtlsHandshake::State state, uint64_t nowMs);
  void complete(Entry& entry, uint64_t nowMs);
  void repeat(Entry& entry, uint64_t nowMs);
  void send(const UdpPeer& peer, const std::vector<Bytes>& datagrams);
  void leaveOpen(Entry& entry);
  void remove(Entry& entry);

  DtlsHandshakes::Context& context_;
  StatBlock& stats_;
  DtlsContexts contexts_;
  std::unordered_map<UdpPeer, std::unique_ptr<Entry>, UdpPeerHash> byPeer_;
  std::unordered_map<uint32_t, std::vector<Entry*>> byTunnel_;
  std::unordered_map<uint64_t, Entry*> byAssociation_;
  std::unordered_map<UdpPeer, size_t, UdpPeerHash> openBySource_;
  std::list<Entry*> open_, kept_;  // oldest first
  uint64_t repeatAtMs_ = UINT64_MAX;  // not later than any of the open ones'
  uint64_t lastAssociation_ = 0;
};

}  // namespace postern
