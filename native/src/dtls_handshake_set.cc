#include "dtls_handshake_set.h"

#include <algorithm>

#include "byte_order.h"
#include "dtls_client_hello.h"

namespace postern {
namespace {

// A datagram's records, by who has to see them.
struct Sorted {
  Bytes handshake;
  Bytes data;           // of epoch 1; alerts among it
  size_t finished = 0;       // records of epoch 1 in `handshake`
  bool flightEnds = false;
};

Sorted sort(ByteView datagram) {
  Sorted sorted;
  while (const size_t length = dtlsRecordLength(datagram)) {
    const ByteView record = datagram.first(length);
    const auto type = static_cast<DtlsContent>(record[0]);
    const uint16_t epoch = load16(record.data() + 3);
    const bool data = epoch == 1 && (type == DtlsContent::kData || type == DtlsContent::kAlert);
    const bool handshake = epoch == 0 ? type != DtlsContent::kData : epoch == 1 && type == DtlsContent::kHandshake;
    if (data) sorted.data.insert(sorted.data.end(), record.begin(), record.end());
    if (handshake) sorted.handshake.insert(sorted.handshake.end(), record.begin(), record.end());
    if (handshake) sorted.finished += epoch;
    if (handshake && (epoch == 1 || type == DtlsContent::kChangeCipherSpec)) sorted.flightEnds = true;
    datagram = datagram.subspan(length);
  }
  return sorted;
}

}  // namespace

void DtlsHandshakeSet::begin(const UdpPeer& peer, DtlsCandidate candidate, ByteView clientHello, uint64_t nowMs) {
  ClientHello hello;
  if (!parseClientHello(clientHello, hello)) return;
  if (const auto found = byPeer_.find(peer); found != byPeer_.end()) {
    if (std::equal(hello.random.begin(), hello.random.end(), found->second->random.begin())) return;
    remove(*found->second);
  }
  if (!admit(peer, candidate.tunnel)) return stats_.add(Stat::dtlsHandshakesRefused);
  auto made = std::make_unique<Entry>();
  Entry& entry = *made;
  entry.peer = peer;
  entry.tunnel = candidate.tunnel;
  entry.worker = candidate.worker;
  entry.offer = candidate.offer;
  entry.sinceMs = nowMs;
  std::copy(hello.random.begin(), hello.random.end(), entry.random.begin());
  entry.handshake = DtlsHandshake::create(contexts_, std::move(candidate), context_.linkMtu, peer.ipv4());
  if (entry.handshake == nullptr) return stats_.add(Stat::dtlsHandshakeFailures);
  byPeer_.emplace(peer, std::move(made));
  byTunnel_[entry.tunnel].push_back(&entry);
  ++openBySource_[sourceOf(peer)];
  entry.place = open_.insert(open_.end(), &entry);
  stats_.add(Stat::dtlsHandshakesOpen);
  const ByteView record = clientHello.first(dtlsRecordLength(clientHello));
  proceed(entry, entry.handshake->begin(record, !hello.cookie.empty()), nowMs);
}

bool DtlsHandshakeSet::admit(const UdpPeer& peer, uint32_t tunnel) {
  const auto source = openBySource_.find(sourceOf(peer));
  if (source != openBySource_.end() && source->second >= DtlsHandshakes::kOpenPerAddress && open_.size() >= DtlsHandshakes::kLent) return false;
  if (const auto found = byTunnel_.find(tunnel); found != byTunnel_.end()) {
    const auto isOpen = [](const Entry* entry) { return entry->handshake != nullptr; };
    const auto& entries = found->second;
    if (static_cast<size_t>(std::count_if(entries.begin(), entries.end(), isOpen)) >= DtlsHandshakes::kOpenPerTunnel) {
      remove(**std::find_if(entries.begin(), entries.end(), isOpen));
    }
  }
  return open_.size() < DtlsHandshakes::kOpen;
}

void DtlsHandshakeSet::datagram(const UdpPeer& peer, ByteView datagram, uint64_t nowMs) {
  const auto found = byPeer_.find(peer);
  if (found == byPeer_.end()) return;
  Entry& entry = *found->second;
  Sorted sorted = sort(datagram);
  if (entry.handshake == nullptr) {
    if (sorted.flightEnds) repeat(entry, nowMs);
    if (!sorted.data.empty() && context_.late) context_.late({entry.tunnel, entry.worker, entry.association, peer, std::move(sorted.data)});
    return;
  }
  keepEarly(entry, sorted.data);
  entry.finished += sorted.finished;
  if (entry.finished > DtlsHandshakes::kFinished) return;
  if (!sorted.handshake.empty()) proceed(entry, entry.handshake->feed(sorted.handshake), nowMs);
}

void DtlsHandshakeSet::keepEarly(Entry& entry, ByteView data) {
  if (data.empty() || entry.early.size() >= DtlsHandshakes::kEarly || entry.earlyBytes + data.size() > DtlsHandshakes::kEarlyBytes) return;
  entry.earlyBytes += data.size();
  entry.early.emplace_back(data.begin(), data.end());
}

void DtlsHandshakeSet::proceed(Entry& entry, DtlsHandshake::State state, uint64_t nowMs) {
  if (state == DtlsHandshake::State::kDone) return complete(entry, nowMs);
  send(entry.peer, entry.handshake->take());
  if (state == DtlsHandshake::State::kFailed) return remove(entry);
  const auto wait = entry.handshake->timeoutMs();
  entry.repeatAtMs = wait ? nowMs + *wait : UINT64_MAX;
  repeatAtMs_ = std::min(repeatAtMs_, entry.repeatAtMs);
}

void DtlsHandshakeSet::complete(Entry& entry, uint64_t nowMs) {
  const std::vector<Bytes> flight = entry.handshake->take();
  auto agreed = entry.handshake->finish();
  if (!agreed) return remove(entry);
  leaveOpen(entry);
  stats_.add(Stat::dtlsHandshakes);
  entry.handshake.reset();
  if (kept_.size() >= DtlsHandshakes::kKept) remove(*kept_.front());
  entry.place = kept_.insert(kept_.end(), &entry);
  entry.sinceMs = entry.repeatedMs = nowMs;
  entry.lastFlight = std::move(agreed->lastFlight);
  entry.association = ++lastAssociation_;
  byAssociation_.emplace(entry.association, &entry);
  auto ready = std::make_unique<DtlsReady>();
  ready->tunnel = entry.tunnel;
  ready->worker = entry.worker;
  ready->association = entry.association;
  ready->peer = entry.peer;
  ready->offer = std::move(entry.offer);
  ready->cipher = std::move(agreed->cipher);
  ready->former = agreed->former;
  ready->protection = std::move(agreed->protection);
  ready->early = std::move(entry.early);
  const UdpPeer peer = entry.peer;
  context_.ready(std::move(ready));
  send(peer, flight);
}

void DtlsHandshakeSet::repeat(Entry& entry, uint64_t nowMs) {
  if (entry.repeats >= DtlsHandshakes::kRepeats || nowMs < entry.repeatedMs + DtlsHandshakes::kRepeatGapMs) return;
  ++entry.repeats;
  entry.repeatedMs = nowMs;
  send(entry.peer, entry.lastFlight);
}

void DtlsHandshakeSet::confirm(uint64_t association) {
  if (const auto found = byAssociation_.find(association); found != byAssociation_.end()) remove(*found->second);
}

void DtlsHandshakeSet::forget(uint32_t tunnel) {
  const auto found = byTunnel_.find(tunnel);
  if (found == byTunnel_.end()) return;
  for (Entry* entry : std::vector<Entry*>(found->second)) remove(*entry);
}

uint64_t DtlsHandshakeSet::tick(uint64_t nowMs) {
  while (!open_.empty() && nowMs >= open_.front()->sinceMs + DtlsHandshakes::kTimeoutMs) remove(*open_.front());
  while (!kept_.empty() && nowMs >= kept_.front()->sinceMs + DtlsHandshakes::kKeepMs) remove(*kept_.front());
  if (nowMs >= repeatAtMs_ || open_.empty()) {
    repeatAtMs_ = UINT64_MAX;
    for (auto next = open_.begin(); next != open_.end();) {
      Entry& entry = **next++;  // proceed() may end it
      if (nowMs >= entry.repeatAtMs) proceed(entry, entry.handshake->tick(), nowMs);
      else repeatAtMs_ = std::min(repeatAtMs_, entry.repeatAtMs);
    }
  }
  uint64_t next = repeatAtMs_;
  if (!open_.empty()) next = std::min(next, open_.front()->sinceMs + DtlsHandshakes::kTimeoutMs);
  if (!kept_.empty()) next = std::min(next, kept_.front()->sinceMs + DtlsHandshakes::kKeepMs);
  return next;
}

void DtlsHandshakeSet::send(const UdpPeer& peer, const std::vector<Bytes>& datagrams) {
  for (const Bytes& datagram : datagrams) context_.sender.send(peer, datagram);
}

void DtlsHandshakeSet::leaveOpen(Entry& entry) {
  open_.erase(entry.place);
  stats_.sub(Stat::dtlsHandshakesOpen);
  const auto source = openBySource_.find(sourceOf(entry.peer));
  if (--source->second == 0) openBySource_.erase(source);
}

// An open one has failed then.
void DtlsHandshakeSet::remove(Entry& entry) {
  if (entry.handshake != nullptr) {
    leaveOpen(entry);
    stats_.add(Stat::dtlsHandshakeFailures);
  } else {
    kept_.erase(entry.place);
    byAssociation_.erase(entry.association);
  }
  const auto ofTunnel = byTunnel_.find(entry.tunnel);
  std::erase(ofTunnel->second, &entry);
  if (ofTunnel->second.empty()) byTunnel_.erase(ofTunnel);
  byPeer_.erase(UdpPeer(entry.peer));
}

void DtlsHandshakeSet::clear() {
  while (!open_.empty()) remove(*open_.front());
  while (!kept_.empty()) remove(*kept_.front());
}

}  // namespace postern
