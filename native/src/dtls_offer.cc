#include "dtls_offer.h"

#include <openssl/crypto.h>

namespace postern {

DtlsOffer::~DtlsOffer() { OPENSSL_cleanse(masterSecret.data(), masterSecret.size()); }

}  // namespace postern
