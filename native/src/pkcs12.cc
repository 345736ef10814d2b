#include "pkcs12.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include <memory>

#include "pem.h"

namespace postern {
namespace {

constexpr int kIterations = 50'000;

pem::Certificate certificate(ByteView der) {
  const unsigned char* at = der.data();
  return pem::Certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

pem::Key privateKey(ByteView der) {
  const unsigned char* at = der.data();
  PKCS8_PRIV_KEY_INFO* info = d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size()));
  pem::Key key(info == nullptr ? nullptr : EVP_PKCS82PKEY(info));
  PKCS8_PRIV_KEY_INFO_free(info);
  return key;
}

}  // namespace

Bytes pkcs12(ByteView leaf, ByteView keyDer, ByteView authority, const std::string& name, const std::string& password, bool modern) {
  ERR_clear_error();
  const pem::Certificate own = certificate(leaf), issuer = certificate(authority);
  const pem::Key key = own == nullptr || issuer == nullptr ? nullptr : privateKey(keyDer);
  Bytes der;
  if (key != nullptr) {
    STACK_OF(X509)* others = sk_X509_new_null();
    sk_X509_push(others, issuer.get());
    const int cipher = modern ? NID_aes_256_cbc : NID_pbe_WithSHA1And3_Key_TripleDES_CBC;
    PKCS12* file = PKCS12_create(password.c_str(), name.c_str(), key.get(), own.get(), others, cipher, cipher, kIterations, -1, 0);
    sk_X509_free(others);
    unsigned char* out = nullptr;
    if (file != nullptr && PKCS12_set_mac(file, password.c_str(), -1, nullptr, 0, kIterations, modern ? EVP_sha256() : EVP_sha1()) == 1) {
      const int length = i2d_PKCS12(file, &out);
      if (length > 0) der.assign(out, out + length);
    }
    OPENSSL_free(out);
    PKCS12_free(file);
  }
  ERR_clear_error();
  return der;
}

}  // namespace postern
