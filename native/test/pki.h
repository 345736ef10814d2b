// Certificates and revocation lists made in memory, for the tests of those who judge them.
#pragma once
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bytes.h"
#include "pem.h"

namespace postern::test {

inline constexpr long kHour = 3600;

template <typename T, typename F>
Bytes derOf(const T* object, F encode) {
  unsigned char* out = nullptr;
  const int length = encode(object, &out);
  if (length <= 0) throw std::runtime_error("cannot be encoded");
  const Bytes der(out, out + length);
  OPENSSL_free(out);
  return der;
}

// One key of a curve or of so many bits for all certificates that ask for it by the same name.
inline EVP_PKEY* keyNamed(const std::string& name, const char* curve = "P-256", unsigned rsaBits = 0) {
  static std::vector<std::pair<std::string, pem::Key>> all;
  for (const auto& [known, key] : all)
    if (known == name) return key.get();
  all.emplace_back(name, pem::Key(rsaBits > 0 ? EVP_RSA_gen(rsaBits) : EVP_EC_gen(curve)));
  return all.back().second.get();
}

struct Issued {
  pem::Certificate certificate;
  EVP_PKEY* key = nullptr;
  Bytes der() const { return derOf(certificate.get(), i2d_X509); }
  std::string pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate.get());
    char* data = nullptr;
    const long length = BIO_get_mem_data(bio, &data);
    const std::string text(data, static_cast<size_t>(length));
    BIO_free(bio);
    return text;
  }
};

using Extensions = std::vector<std::pair<int, const char*>>;
inline const Extensions kClient = {{NID_basic_constraints, "critical,CA:FALSE"}, {NID_key_usage, "critical,digitalSignature"}, {NID_ext_key_usage, "clientAuth"}};
inline const Extensions kAuthority = {{NID_basic_constraints, "critical,CA:TRUE"}, {NID_key_usage, "critical,keyCertSign,cRLSign"}};

struct Wanted {
  const char* name;
  const Issued* by = nullptr;  // absent: signs itself
  Extensions extensions = kClient;
  EVP_PKEY* key = nullptr;     // absent: the one of that name
  const EVP_MD* digest = EVP_sha256();
  long from = -kHour, to = 24 * kHour;  // seconds from now
  const char* critical = nullptr;       // an extension that nobody knows
};

inline Issued issue(const Wanted& wanted) {
  static long serial = 1000;
  Issued made{pem::Certificate(X509_new()), wanted.key != nullptr ? wanted.key : keyNamed(wanted.name)};
  X509* one = made.certificate.get();
  X509* issuer = wanted.by != nullptr ? wanted.by->certificate.get() : one;
  X509_set_version(one, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(one), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(one), wanted.from);
  X509_gmtime_adj(X509_getm_notAfter(one), wanted.to);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(one), "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(wanted.name), -1, -1, 0);
  X509_set_issuer_name(one, X509_get_subject_name(issuer));
  X509_set_pubkey(one, made.key);
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, one, nullptr, nullptr, 0);
  for (const auto& [nid, value] : wanted.extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    if (extension == nullptr) throw std::runtime_error(value);
    X509_add_ext(one, extension, -1);
    X509_EXTENSION_free(extension);
  }
  if (wanted.critical != nullptr) {
    ASN1_OBJECT* kind = OBJ_txt2obj("1.2.3.4.5", 1);
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>(wanted.critical), -1);
    X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, kind, 1, value);
    X509_add_ext(one, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(kind);
  }
  if (X509_sign(one, wanted.by != nullptr ? wanted.by->key : made.key, wanted.digest) <= 0) throw std::runtime_error("cannot be signed");
  return made;
}

// DER. `ends` in seconds from now.
inline Bytes revocationList(const Issued& by, const std::vector<const Issued*>& revoked, long ends = kHour) {
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(by.certificate.get()));
  ASN1_TIME* now = X509_gmtime_adj(nullptr, -2 * kHour);
  X509_CRL_set1_lastUpdate(list, now);
  ASN1_TIME* next = X509_gmtime_adj(nullptr, ends);
  X509_CRL_set1_nextUpdate(list, next);
  for (const Issued* one : revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(one->certificate.get()));
    X509_REVOKED_set_revocationDate(entry, now);
    X509_CRL_add0_revoked(list, entry);
  }
  ASN1_TIME_free(now);
  ASN1_TIME_free(next);
  X509_CRL_sort(list);
  X509_CRL_sign(list, by.key, EVP_sha256());
  const Bytes der = derOf(list, i2d_X509_CRL);
  X509_CRL_free(list);
  return der;
}

// What hostile peers make of a document: every way to cut it off, and every byte changed.
template <typename F>
void everyCut(const Bytes& whole, F take) {
  for (size_t length = 0; length < whole.size(); ++length) take(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)));
}
template <typename F>
void everyChange(const Bytes& whole, F take) {
  Bytes changed = whole;
  for (uint8_t& byte : changed) {
    byte ^= 1;
    take(changed);
    byte ^= 1;
  }
}

}  // namespace postern::test
