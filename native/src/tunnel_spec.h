// What a tunnel is and how it is configured; whole values that cross from the control plane.
#pragma once
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bytes.h"
#include "client_networks.h"
#include "dtls_offer.h"

namespace postern {

class PacketFilter;

using Ipv4 = uint32_t;  // host order
using Ipv6 = std::array<uint8_t, 16>;

enum class Codec : uint8_t { kNone = 0, kLzs, kLz4, kDeflate };

// Rates that tunnels have together, by a number of the control plane's. Bytes a second, 0: none.
struct ShareSpec {
  uint32_t id = 0;
  uint64_t rateUp = 0, rateDown = 0;
};

struct TunnelSpec {
  std::optional<Ipv4> ipv4;
  std::optional<Ipv6> ipv6;
  std::shared_ptr<const ClientNetworks> networks;  // nullptr: none
  uint16_t mtu = 1400;         // largest inner packet towards the client
  uint32_t dpdSec = 0;         // 0 = no own probes
  uint32_t dpdRetries = 3;
  uint32_t keepaliveSec = 0;   // 0 = none
  uint32_t dtlsDpdSec = 0, dtlsKeepaliveSec = 0;  // the same on the DTLS channel
  uint32_t rekeySec = 0;       // age of our own TLS 1.3 keys; 0 = only their limit counts
  Codec cstpCodec = Codec::kNone, dtlsCodec = Codec::kNone;
  bool roaming = true;         // the DTLS channel may follow its client
  uint32_t predecessor = 0;    // the last tunnel of the same session, 0 = none: packets that waited for it go on
  bool learning = false;       // report the silences that its path survives
  uint64_t rateUp = 0, rateDown = 0;  // inner packets, bytes a second; 0 = no limit
  std::vector<ShareSpec> shares;
  std::shared_ptr<const DtlsOffer> dtls;  // nullptr: the TLS channel alone
  std::shared_ptr<const PacketFilter> filter;  // nullptr: everything passes
};

// A connection on its way from a front thread to a data worker (reference border section 5). Owns fd and SSL.
struct Promotion {
  uint32_t tunnel = 0;
  TunnelSpec spec;
  int fd = -1;
  SSL* ssl = nullptr;  // straight on the fd (SSL_set_fd): the worker puts its own BIO below it
  Bytes pendingOut;  // what the front had not flushed, then the CONNECT answer; goes out before any CSTP frame
  Bytes early;       // CSTP bytes that were decrypted before the promotion, in order
  Promotion() = default;
  Promotion(const Promotion&) = delete;
  Promotion& operator=(const Promotion&) = delete;
  ~Promotion();      // closes what was not taken (tunnel_spec.cc)
};

enum class DropHow : uint32_t { kDisconnect = 0, kTerminate = 1, kClose = 2 };

inline constexpr size_t kTunnelCounterWords = 13;  // TUNNEL_COUNTERS in core/dataplane.ts
using TunnelCounterWords = std::array<uint64_t, kTunnelCounterWords>;

}  // namespace postern
