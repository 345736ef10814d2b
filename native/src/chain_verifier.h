// Certificates of clients against certificate authorities and their revocation lists, by OpenSSL's X509_verify_cert (RFC 5280 section 6):
// path, validity, basic constraints and path length, key usage, name constraints, unknown critical extensions, revocation. Beyond that:
// no key below 112 bits of security or 256 bits on a curve, no signature with MD5 or SHA-1 but an authority's own on itself, and an
// extended key usage that names clients, or any, or none at all.
#pragma once
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "bytes.h"
#include "op_error.h"

namespace postern {

struct ChainVerdict {
  int error = 0;  // X509_V_OK, or why not
  int depth = 0;  // of the certificate it is about; 0 = the leaf
  std::string text;
  std::vector<Bytes> chain;  // DER, leaf first, up to the authority; empty unless good
};

// Immutable; any thread.
class TrustStore {
 public:
  // `authorities` are PEM, each trusted by itself, a root or not; `lists` are DER. nullptr with `error` ERR_TLS_PEM.
  static std::unique_ptr<TrustStore> create(const std::string& authorities, const std::vector<ByteView>& lists, OpError& error);
  ~TrustStore();
  TrustStore(const TrustStore&) = delete;
  TrustStore& operator=(const TrustStore&) = delete;

  // `sent` is DER, leaf first, the rest in any order. `at` in seconds since 1970. `stale`: a list counts beyond its next update.
  // A certificate is looked up in the lists of its issuer where there are any; `listed`: the leaf needs one.
  ChainVerdict verify(const std::vector<ByteView>& sent, int64_t at, bool stale, bool listed) const;

  X509_STORE* store() const { return store_; }

 private:
  TrustStore() = default;
  X509_STORE* store_ = nullptr;
  bool hasLists_ = false;
};

}  // namespace postern
