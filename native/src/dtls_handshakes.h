// The thread on which DTLS handshakes run: beside the workers, at a lower priority than they, bounded in number and time.
// It never holds a packet path up; what does not fit is dropped and the client tries again.
//
// A finished handshake goes to the tunnel's worker as DtlsReady. The thread keeps the SSL object, to answer the client's
// repeated last flight, until confirm() (the worker has opened a data record: the client has our Finished) or 60 s.
// The worker writes nothing under the new keys before that, so no nonce is ever used twice.
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
  std::unique_ptr<DtlsProtection> protection;
  std::vector<Bytes> early;  // datagrams behind the client's last flight, in order
};

class DtlsHandshakes {
 public:
  // Implementation constants.
  static constexpr size_t kOpen = 512;           // handshakes under way
  static constexpr size_t kOpenPerAddress = 64;  // of one source address (an IPv6 /64 counts as one); offices share one
  static constexpr size_t kKept = 4096;          // finished, waiting for confirm()
  static constexpr size_t kQueue = 4096;         // datagrams waiting
  static constexpr uint64_t kTimeoutMs = 10'000;
  static constexpr uint64_t kKeepMs = 60'000;

  struct Context {
    DatagramSender& sender;
    std::function<void(std::unique_ptr<DtlsReady>)> ready;  // called on the thread; must not block
    uint16_t linkMtu = 1500;                                // for the size of our flights
  };
  explicit DtlsHandshakes(Context context);
  ~DtlsHandshakes();
  DtlsHandshakes(const DtlsHandshakes&) = delete;
  DtlsHandshakes& operator=(const DtlsHandshakes&) = delete;

  // 0 or an errno value. All signals are blocked in the thread.
  int start();
  void stop();  // joins; idempotent
  // Any thread. False when the queue is full or the thread has stopped.
  bool begin(const UdpPeer& peer, DtlsCandidate candidate, Bytes clientHello);
  // A further datagram of a peer for which begin() was called: flights, repeats, and records that came too early.
  bool datagram(const UdpPeer& peer, Bytes bytes);
  void confirm(uint64_t association);
  // The tunnel is gone: its handshakes end.
  void forget(uint32_t tunnel);
  const StatBlock& stats() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern
