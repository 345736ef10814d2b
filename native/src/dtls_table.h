// Which tunnel a ClientHello means: session_id -> tunnel, its worker, its offer and its secret. Any thread; a mutex that
// only handshakes and the coming and going of tunnels take.
#pragma once
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "dtls_offer.h"

namespace postern {

// Wiped when destroyed.
struct DtlsSecret {
  Bytes bytes;  // PSK (32) or master secret (48)
  DtlsSecret() = default;
  explicit DtlsSecret(Bytes b) : bytes(std::move(b)) {}
  DtlsSecret(const DtlsSecret&) = default;
  DtlsSecret(DtlsSecret&&) noexcept = default;
  DtlsSecret& operator=(DtlsSecret other) noexcept {  // what was here goes, wiped, with `other`
    bytes.swap(other.bytes);
    return *this;
  }
  ~DtlsSecret();
};

struct DtlsCandidate {
  uint32_t tunnel = 0;
  uint32_t worker = 0;  // the tunnel's
  std::shared_ptr<const DtlsOffer> offer;
  DtlsSecret secret;
  std::optional<std::array<uint8_t, 16>> only = std::nullopt;  // no other address may open it, as in UdpPeer
};

class DtlsTable {
 public:
  // The newest tunnel of an id wins; remove() of an older one leaves it alone.
  void enter(DtlsCandidate candidate);
  void remove(ByteView id, uint32_t tunnel);
  std::optional<DtlsCandidate> find(ByteView id) const;
  // Without copying secrets: 0 = unknown.
  uint32_t tunnelOf(ByteView id, bool& helloVerify) const;
  size_t size() const;

 private:
  struct Hash {
    size_t operator()(const Bytes& id) const noexcept;
  };
  mutable std::mutex mutex_;
  std::unordered_map<Bytes, DtlsCandidate, Hash> byId_;
};

}  // namespace postern
