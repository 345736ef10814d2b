#include "pkcs12.h"

#include <doctest/doctest.h>
#include <openssl/pkcs12.h>

#include <algorithm>

#include "pki.h"

using namespace postern;
using namespace postern::test;

namespace {

const Issued& root() {
  static const Issued made = issue({"root", nullptr, kAuthority});
  return made;
}
const Issued& alice() {
  static const Issued made = issue({"alice", &root()});
  return made;
}
Bytes keyOf(const Issued& one) {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(one.key);
  const Bytes der = derOf(info, i2d_PKCS8_PRIV_KEY_INFO);
  PKCS8_PRIV_KEY_INFO_free(info);
  return der;
}

struct FreeFile {
  void operator()(PKCS12* p) const noexcept { PKCS12_free(p); }
};
using File = std::unique_ptr<PKCS12, FreeFile>;
File fileOf(const Bytes& der) {
  const unsigned char* at = der.data();
  return File(d2i_PKCS12(nullptr, &at, static_cast<long>(der.size())));
}
// The name that the file's certificate has; empty when it is not what went in.
std::string opened(const Bytes& der, const char* password) {
  const File file = fileOf(der);
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  STACK_OF(X509)* others = nullptr;
  std::string name;
  if (file != nullptr && PKCS12_parse(file.get(), password, &key, &certificate, &others) == 1) {
    const bool same = EVP_PKEY_eq(key, alice().key) == 1 && X509_cmp(certificate, alice().certificate.get()) == 0 && sk_X509_num(others) == 1 &&
                      X509_cmp(sk_X509_value(others, 0), root().certificate.get()) == 0;
    int length = 0;
    const unsigned char* text = X509_alias_get0(certificate, &length);
    if (same && text != nullptr) name.assign(reinterpret_cast<const char*>(text), static_cast<size_t>(length));
  }
  EVP_PKEY_free(key);
  X509_free(certificate);
  sk_X509_pop_free(others, X509_free);
  return name;
}
Bytes made(const std::string& name, const std::string& password, bool modern) { return pkcs12(alice().der(), keyOf(alice()), root().der(), name, password, modern); }
int digestOf(const Bytes& der) {
  const X509_ALGOR* algorithm = nullptr;
  const ASN1_OBJECT* kind = nullptr;
  const File file = fileOf(der);
  PKCS12_get0_mac(nullptr, &algorithm, nullptr, nullptr, file.get());
  X509_ALGOR_get0(&kind, nullptr, nullptr, algorithm);
  return OBJ_obj2nid(kind);
}

}  // namespace

TEST_CASE("key, certificate and authority come out with the password, and with no other; the key does not stand there as it is") {
  const Bytes classic = made("alice at vpn", "secret 1", false);
  CHECK(opened(classic, "secret 1") == "alice at vpn");
  CHECK(PKCS12_verify_mac(fileOf(classic).get(), "secret 2", -1) == 0);
  CHECK(digestOf(classic) == NID_sha1);
  const Bytes key = keyOf(alice());
  const auto part = key.end() - 64;  // within the point, behind the secret
  CHECK(std::search(classic.begin(), classic.end(), part - 32, part) == classic.end());
}

TEST_CASE("the modern form; names and passwords of any letters and length") {
  const std::string password = "p\xc3\xa4ss\xe2\x82\xac" + std::string(100, 'x'), name = "J\xc3\xbcrgen " + std::string(1000, 'y');
  const Bytes der = made(name, password, true);
  CHECK(opened(der, password.c_str()) == name);
  CHECK(digestOf(der) == NID_sha256);
}

TEST_CASE("what cannot be read makes no file: cut off anywhere, of another key, absurd") {
  const Bytes leaf = alice().der(), key = keyOf(alice()), issuer = root().der();
  everyCut(leaf, [&](const Bytes& part) { CHECK(pkcs12(part, key, issuer, "n", "p", true).empty()); });
  everyCut(issuer, [&](const Bytes& part) { CHECK(pkcs12(leaf, key, part, "n", "p", true).empty()); });
  everyCut(key, [&](const Bytes& part) { CHECK(pkcs12(leaf, part, issuer, "n", "p", true).empty()); });
  CHECK(pkcs12(leaf, keyOf(root()), issuer, "n", "p", true).empty());
  for (const Bytes& absurd : {Bytes(1 << 20, 0x30), Bytes{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}}) {
    CHECK(pkcs12(absurd, key, issuer, "n", "p", true).empty());
    CHECK(pkcs12(leaf, absurd, issuer, "n", "p", true).empty());
  }
}
