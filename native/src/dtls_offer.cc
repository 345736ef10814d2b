#include "dtls_offer.h"

#include <openssl/crypto.h>

namespace postern {

DtlsOffer::~DtlsOffer() {
  OPENSSL_cleanse(masterSecret.data(), masterSecret.size());
  OPENSSL_cleanse(formerSecret.data(), formerSecret.size());
}

}  // namespace postern
