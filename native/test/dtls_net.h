// A gateway's greeting and its handshakes, and clients that reach them through a network that loses, doubles and reorders.
#pragma once
#include <ctime>
#include <deque>
#include <functional>
#include <map>

#include "dtls_client.h"
#include "dtls_greeter.h"
#include "dtls_handshake_set.h"
#include "dtls_hellos.h"

namespace postern::test {

inline uint64_t nowMs() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000 + static_cast<uint64_t>(t.tv_nsec) / 1'000'000;
}

struct SentDatagrams final : DatagramSender {
  std::deque<std::pair<UdpPeer, Bytes>> sent;
  void send(const UdpPeer& to, ByteView datagram) noexcept override { sent.emplace_back(to, Bytes(datagram.begin(), datagram.end())); }
};

struct Gateway {
  DtlsTable table;
  DtlsCookies cookies;
  SentDatagrams sender;
  std::vector<std::unique_ptr<DtlsReady>> ready;
  std::vector<DtlsLate> late;
  StatBlock stats;
  DtlsHandshakes::Context context{sender, [this](std::unique_ptr<DtlsReady> r) { ready.push_back(std::move(r)); }, 1500,
                                  [this](DtlsLate&& l) { late.push_back(std::move(l)); }};
  DtlsHandshakeSet set{context, stats};
  size_t handshakes = 0;  // begin() was called

  // As a worker does it.
  void receive(const UdpPeer& peer, const Bytes& datagram, uint64_t now) {
    Greeting greeting = greet(datagram, peer, now, table, cookies);
    if (!greeting.answer.empty()) return sender.send(peer, greeting.answer);
    if (greeting.verdict == Greeting::Verdict::kHandshake) {
      ++handshakes;
      return set.begin(peer, std::move(*greeting.candidate), datagram, now);
    }
    set.datagram(peer, datagram, now);
  }
  uint64_t get(Stat stat) const { return stats.get(stat); }
};

// What the network does with the n-th datagram, counted from 1 over both directions: the ones that arrive, in order.
using Network = std::function<std::vector<Bytes>(size_t n, const Bytes& datagram)>;
inline std::vector<Bytes> untouched(size_t, const Bytes& datagram) { return {datagram}; }

// One client, until both sides are done or `limitMs` are over.
inline bool converse(Gateway& gateway, DtlsClient& client, const UdpPeer& peer, const Network& network = untouched, uint64_t limitMs = 4000) {
  size_t n = 0;
  const uint64_t end = nowMs() + limitMs;
  const size_t readyBefore = gateway.ready.size();
  std::vector<Bytes> outgoing = client.step();
  for (;;) {
    const uint64_t now = nowMs();
    for (const Bytes& datagram : std::exchange(outgoing, {})) {
      for (const Bytes& arrived : network(++n, datagram)) gateway.receive(peer, arrived, now);
    }
    gateway.set.tick(now);
    bool moved = false;
    while (!gateway.sender.sent.empty()) {
      const auto [to, datagram] = std::move(gateway.sender.sent.front());
      gateway.sender.sent.pop_front();
      moved = true;
      if (to != peer) continue;
      for (const Bytes& arrived : network(++n, datagram)) {
        for (Bytes& answer : client.step(arrived)) outgoing.push_back(std::move(answer));
      }
    }
    if (client.done && gateway.ready.size() > readyBefore && outgoing.empty()) return true;
    if (now > end) return false;
    if (moved || !outgoing.empty()) continue;
    timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
    outgoing = client.tick();
  }
}

// The client's data opens at the gateway, and the other way round.
inline bool talks(DtlsReady& ready, DtlsClient& client) {
  ByteSpan plain;
  DtlsContent type{};
  auto up = client.write({3, 1, 4});
  if (up.size() != 1 || ready.protection->open(up[0], plain, type) != DtlsProtection::Opened::kData || plain.size() != 3) return false;
  Bytes record(3 + ready.protection->overhead(), 9);
  const size_t length = ready.protection->seal(record.data(), DtlsContent::kData, 3);
  return length > 0 && client.read(ByteView(record).first(length)).size() == 3;
}

inline std::vector<Bytes> recordsOf(ByteView datagram) {
  std::vector<Bytes> records;
  while (const size_t length = dtlsRecordLength(datagram)) {
    records.emplace_back(datagram.begin(), datagram.begin() + static_cast<ptrdiff_t>(length));
    datagram = datagram.subspan(length);
  }
  return records;
}

}  // namespace postern::test
