// The gateway's order of cipher suites (reference protocol section 10), and what of them is left in FIPS mode: AES-GCM,
// P-256 and P-384, signatures with SHA-2. Which module computes them is another matter.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "dtls_offer.h"

namespace postern {

// OpenSSL's lists, joined by ':'.
struct CipherOrder {
  std::string tls12, tls13, groups;
  std::string signatures;  // empty: OpenSSL's own
};

// `chachaFirst`: the processor is faster with ChaCha20 than with AES (cipher_speed.h).
CipherOrder orderCiphers(bool chachaFirst, bool fips);

// For this processor; it is measured at the first call of the process.
CipherOrder cipherOrder(bool fips);

// Is a suite of (D)TLS 1.2, by OpenSSL's name, left in FIPS mode?
bool approvedSuite(std::string_view name) noexcept;

// The offer with its approved suites; nullptr when none is left.
std::shared_ptr<const DtlsOffer> approvedOffer(const std::shared_ptr<const DtlsOffer>& offer);

}  // namespace postern
