// The thread on which DTLS handshakes run: beside the workers, at a lower priority than they, bounded in number and time.
// It never holds a packet path up; what does not fit is dropped and the client tries again.
//
// A finished handshake goes to the tunnel's worker as DtlsReady, before the client hears of it. The thread keeps the bytes
// of our last flight, and sends them again when the client repeats its own, until confirm() (the worker has opened a
// record: the client has our Finished) or 60 s. The worker writes nothing under the new keys before that: the client
// could only take it for records of an epoch that it does not know.
#pragma once
#include <functional>
#include <memory>

#include "dtls_protection.h"
#include "dtls_table.h"
#include "stats.h"
#include "udp_peer.h"

namespace postern {

struct DtlsReady {
  uint32_t tunnel = 0;
  uint32_t worker = 0;  // the tunnel's
  uint64_t association = 0;  // number for confirm() and release()
  UdpPeer peer;
  std::shared_ptr<const DtlsOffer> offer;  // the tunnel's when the handshake began
  std::string cipher;                      // OpenSSL's name, for people
  bool former = false;                     // with the offer's former secret
  std::unique_ptr<DtlsProtection> protection;
  std::vector<Bytes> early;  // application data that came before the handshake was over, in order: a datagram each
};

// Application data that came between DtlsReady and the moment the worker looks for its peer itself.
struct DtlsLate {
  uint32_t tunnel = 0;
  uint32_t worker = 0;
  uint64_t association = 0;
  UdpPeer peer;
  Bytes datagram;
};

class DtlsHandshakes {
 public:
  // Implementation constants.
  static constexpr size_t kOpen = 512;           // handshakes under way
  static constexpr size_t kOpenPerAddress = 64;  // of one source address (an IPv6 /64 counts as one); offices share one, so
  static constexpr size_t kLent = kOpen / 2;     // it holds only when so many are open: half is for whoever comes
  static constexpr size_t kOpenPerTunnel = 8;    // more: the oldest gives way, so that nobody can lock the client out
  static constexpr size_t kKept = 4096;          // finished, waiting for confirm(); more: the oldest gives way
  static constexpr size_t kQueue = 4096;         // datagrams waiting, and
  static constexpr size_t kQueueBytes = 4 << 20;
  static constexpr size_t kEarly = 16;           // datagrams kept for one handshake, and
  static constexpr size_t kEarlyBytes = 24'000;
  static constexpr size_t kFinished = 16;        // records of epoch 1 that one handshake may see: OpenSSL keeps 17 kB of each
  static constexpr uint64_t kTimeoutMs = 10'000;
  static constexpr uint64_t kKeepMs = 60'000;
  static constexpr uint32_t kRepeats = 12;       // of a last flight, and
  static constexpr uint64_t kRepeatGapMs = 100;  // between them

  struct Context {
    DatagramSender& sender;
    std::function<void(std::unique_ptr<DtlsReady>)> ready;  // called on the thread; must not block
    uint16_t linkMtu = 1500;                                // for the size of our flights
    std::function<void(DtlsLate&&)> late;                   // as ready; behind it when both go into one queue. Absent: dropped
  };
  explicit DtlsHandshakes(Context context);
  ~DtlsHandshakes();
  DtlsHandshakes(const DtlsHandshakes&) = delete;
  DtlsHandshakes& operator=(const DtlsHandshakes&) = delete;

  // 0 or an errno value. All signals are blocked in the thread.
  int start();
  void stop();  // joins; idempotent
  // Any thread. False when the queue is full or the thread has stopped. `clientHello` is a datagram that greet() let
  // through. One that the peer has sent before (same random) changes nothing; another one begins afresh.
  bool begin(const UdpPeer& peer, DtlsCandidate candidate, Bytes clientHello);
  // A further datagram of a peer for which begin() was called: flights, repeats, and records that came too early.
  bool datagram(const UdpPeer& peer, Bytes bytes);
  // These take effect within a second.
  void confirm(uint64_t association);
  // The tunnel is gone: its handshakes end.
  void forget(uint32_t tunnel);
  const StatBlock& stats() const noexcept;
  // As Worker::alive().
  bool alive() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern
