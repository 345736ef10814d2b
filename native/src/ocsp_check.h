// Questions to an OCSP responder and its answers (RFC 6960), by OpenSSL. Bytes in, values out; who asks over the network is JavaScript.
#pragma once
#include <string>

#include "bytes.h"
#include "chain_verifier.h"

namespace postern {

struct OcspVerdict {
  std::string status;        // good, revoked, unknown; unusable: `text` says why
  std::string text;          // of revoked: the reason, if there is one
  int64_t revokedAt = 0;     // seconds since 1970
  int64_t nextUpdate = 0;    // 0: the answer names none
};

// DER; empty when one of the certificates cannot be read. With a nonce of 16 bytes.
Bytes ocspRequest(ByteView leaf, ByteView issuer);
// Of the answer to `request` about the first certificate of `chain`. It counts when the issuer has signed it, or somebody whom the issuer
// has certified for that; `trust` holds the authority of both. An answer with another nonce does not count, one without does.
OcspVerdict ocspVerdict(const TrustStore& trust, const std::vector<ByteView>& chain, ByteView request, ByteView answer);

}  // namespace postern
