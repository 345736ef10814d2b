#include "tls_prf.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <cstring>

namespace postern {
namespace {

OSSL_PARAM octets(const char* key, const void* bytes, size_t size) { return OSSL_PARAM_construct_octet_string(key, const_cast<void*>(bytes), size); }

}  // namespace

bool tls12Prf(const char* hash, ByteView secret, const char* label, ByteView seed, ByteSpan out) {
  static EVP_KDF* const kdf = EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_PRF, nullptr);
  EVP_KDF_CTX* context = kdf == nullptr ? nullptr : EVP_KDF_CTX_new(kdf);
  if (context == nullptr) return false;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(hash), 0),
      octets(OSSL_KDF_PARAM_SECRET, secret.data(), secret.size()),
      octets(OSSL_KDF_PARAM_SEED, label, std::strlen(label)),
      octets(OSSL_KDF_PARAM_SEED, seed.data(), seed.size()),
      OSSL_PARAM_construct_end(),
  };
  const bool good = EVP_KDF_derive(context, out.data(), out.size(), params) == 1;
  EVP_KDF_CTX_free(context);
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace postern
