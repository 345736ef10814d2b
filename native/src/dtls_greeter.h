// What a worker does with a datagram of an unknown peer, without keeping anything: drop it, answer it, or give it to the
// handshakes. Sans I/O.
#pragma once
#include "dtls_cookies.h"
#include "dtls_table.h"

namespace postern {

struct Greeting {
  enum class Verdict : uint8_t {
    kIgnore,     // no ClientHello of a session we know
    kVerify,     // send `answer`
    kRefused,    // a ClientHello whose cookie is wrong or too old: answered afresh with `answer`
    kHandshake,  // begin: `candidate` is set
  };
  Verdict verdict = Verdict::kIgnore;
  Bytes answer;
  std::optional<DtlsCandidate> candidate;
};

Greeting greet(ByteView datagram, const UdpPeer& peer, uint64_t nowMs, const DtlsTable& table, DtlsCookies& cookies);

}  // namespace postern
