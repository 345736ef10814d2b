// The pseudo-random function of TLS 1.2 (RFC 5246 section 5).
#pragma once
#include "bytes.h"

namespace postern {

// Fills `out`. `hash`: OpenSSL's name of the suite's. False when OpenSSL refuses.
bool tls12Prf(const char* hash, ByteView secret, const char* label, ByteView seed, ByteSpan out);

}  // namespace postern
