// How the client of a tunnel may open its DTLS channel; a part of the tunnel's specification.
#pragma once
#include <string>

#include "bytes.h"

namespace postern {

struct DtlsOffer {
  enum class Mode : uint8_t {
    kPsk = 0,      // PSK-NEGOTIATE: the key is an exporter of the tunnel's TLS connection
    kResumed = 1,  // an abbreviated handshake with the client's master secret
  };
  Mode mode = Mode::kPsk;
  Bytes id;                  // 1 to 32 bytes: session_id of the client's ClientHello (App-ID or Session-ID)
  Bytes masterSecret;        // 48 bytes with kResumed, else empty
  std::string ciphers;       // OpenSSL names joined by ':', the gateway's order; exactly one with kResumed
  Bytes formerSecret;        // 32 bytes with kPsk, or empty: the key of the session's first tunnel (reference protocol section 9.8)
  bool formerFirst = false;  // the client is known to use that one
  bool helloVerify = true;   // ask for a cookie first (reference cisco section 5: not when a Cisco client resumes)
  DtlsOffer() = default;
  DtlsOffer(const DtlsOffer&) = default;
  DtlsOffer& operator=(const DtlsOffer&) = delete;  // would leave the old secret behind
  ~DtlsOffer();              // wipes
};

}  // namespace postern
