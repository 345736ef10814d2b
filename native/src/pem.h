// PEM text to OpenSSL objects. Never asks a terminal for a password.
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

namespace postern::pem {

struct Free {
  void operator()(X509* p) const noexcept { X509_free(p); }
  void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

// All certificates in order; empty when one of them cannot be read or there is none.
std::vector<Certificate> certificates(const std::string& text);
Key privateKey(const std::string& text);

}  // namespace postern::pem
