// Events from the data plane's threads to the control plane. One queue, bounded by construction:
// at most one `data` chunk per connection is in flight, the other events are a few per life.
#pragma once
#include "bytes.h"

namespace postern {

// The numbers are the wire to native/index.ts.
enum class EventType : uint32_t {
  kConnection = 1,  // payload: see connection_info.h
  kData = 2,        // arg: sequence number of the chunk, payload: the bytes
  kEnd = 3,
  kClosed = 4,      // arg: 1 = failed
  kFlushed = 5,
  kTunnelUp = 6,
  kTunnelDown = 7,  // arg: TunnelDownReason, payload: 13 x u64 LE counters, then the peer's DISCONNECT payload
  kDtlsUp = 8,      // arg: 1 = with the former key, payload: OpenSSL's name of the suite
  kDtlsDown = 9,    // arg: DtlsDownReason
  kRoamed = 10,     // arg: port, payload: text of the address
  kSilence = 11,    // arg: twice the seconds, one more when the path survived them
  kPathMtu = 12,    // arg: bytes
};

// Order = DTLS_DOWN_REASONS in core/dataplane.ts.
enum class DtlsDownReason : uint32_t { kClosed = 0, kDpd, kReplaced, kForged, kWithdrawn, kUnreachable, kRekey };

// Order = TUNNEL_DOWN_REASONS in core/dataplane.ts.
enum class TunnelDownReason : uint32_t {
  kGone = 0, kEof, kPeerDisconnect, kDpd, kFrame, kTls, kDropped, kSuperseded, kStopped, kInternal, kRekey,
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Any thread. Never blocks on JavaScript, never throws.
  // kConnection waits for company: JavaScript has nothing to do before the first bytes or the end come.
  virtual void post(EventType type, uint32_t handle, uint32_t arg, ByteView payload) noexcept = 0;
  // Delivers what waits for company.
  virtual void flush() noexcept {}
};

}  // namespace postern
