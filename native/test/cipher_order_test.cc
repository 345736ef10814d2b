#include "cipher_order.h"

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <algorithm>

#include "cipher_speed.h"

using namespace postern;

namespace {

std::vector<std::string> names(const std::string& list) {
  std::vector<std::string> all{""};
  for (const char c : list) {
    if (c == ':') all.emplace_back();
    else all.back() += c;
  }
  return all;
}

// What OpenSSL makes of an order, its own way of saying it.
std::vector<std::string> understood(const CipherOrder& order) {
  SSL_CTX* ctx = SSL_CTX_new(TLS_server_method());
  REQUIRE(SSL_CTX_set_cipher_list(ctx, order.tls12.c_str()) == 1);
  REQUIRE(SSL_CTX_set_ciphersuites(ctx, order.tls13.c_str()) == 1);
  REQUIRE(SSL_CTX_set1_groups_list(ctx, order.groups.c_str()) == 1);
  if (!order.signatures.empty()) REQUIRE(SSL_CTX_set1_sigalgs_list(ctx, order.signatures.c_str()) == 1);
  std::vector<std::string> all;
  STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(ctx);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) all.push_back(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)));
  SSL_CTX_free(ctx);
  return all;
}

bool isChacha(const std::string& name) { return name.find("CHACHA20") != std::string::npos; }

std::shared_ptr<const DtlsOffer> offer(const std::string& ciphers) {
  auto made = std::make_shared<DtlsOffer>();
  made->id = {1, 2};
  made->ciphers = ciphers;
  return made;
}

}  // namespace

TEST_CASE("G14 ChaCha20 comes first where AES is slow, and last where it is not") {
  for (const bool chachaFirst : {false, true}) {
    const CipherOrder order = orderCiphers(chachaFirst, false);
    for (const std::string& list : {order.tls12, order.tls13}) {
      const auto all = names(list);
      CHECK(isChacha(all.front()) == chachaFirst);
      CHECK(isChacha(all.back()) != chachaFirst);
      CHECK(std::is_partitioned(all.begin(), all.end(), [&](const std::string& name) { return isChacha(name) == chachaFirst; }));
    }
    const auto all = understood(order);
    CHECK(all.size() == names(order.tls12).size() + names(order.tls13).size());
  }
}

TEST_CASE("G14 the flag of the processor decides, unless the measurement contradicts it clearly") {
  CHECK_FALSE(prefersChacha({400, 1000}, true));
  CHECK_FALSE(prefersChacha({400, 390}, true));   // noise
  CHECK(prefersChacha({3000, 1000}, true));       // OpenSSL does not use the instructions
  CHECK(prefersChacha({3000, 1000}, false));
  CHECK(prefersChacha({1000, 1010}, false));      // noise
  CHECK_FALSE(prefersChacha({400, 1000}, false));  // an accelerator that the flag does not tell of
  CHECK_FALSE(prefersChacha({400, 0}, true));     // no ChaCha20 in this OpenSSL
  CHECK(prefersChacha({0, 0}, false));
}

TEST_CASE("the measurement measures") {
  const CipherSpeed speed = measureCiphers();
  CHECK(speed.aes256Gcm > 0);
  CHECK(speed.chacha20 > 0);
  CHECK(cipherOrder(false).tls12 == orderCiphers(processorPrefersChacha(), false).tls12);
}

TEST_CASE("G26 in FIPS mode AES-GCM, P-256 and P-384 are left") {
  for (const bool chachaFirst : {false, true}) {
    const CipherOrder order = orderCiphers(chachaFirst, true);
    CHECK(order.groups == "P-256:P-384");
    const auto all = understood(order);
    CHECK(all.size() == 6);
    for (const std::string& name : all) {
      CAPTURE(name);
      CHECK((approvedSuite(name) || name == "TLS_AES_256_GCM_SHA384" || name == "TLS_AES_128_GCM_SHA256"));
    }
    CHECK(order.signatures.find("SHA1") == std::string::npos);
    CHECK(order.signatures.find("ed25519") == std::string::npos);
  }
}

TEST_CASE("G26 which suites are approved") {
  for (const char* name : {"AES256-GCM-SHA384", "AES128-GCM-SHA256", "PSK-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384"}) CHECK(approvedSuite(name));
  for (const char* name : {"", "AES256-SHA", "PSK-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305", "ARIA256-GCM-SHA384", "XAES256-GCM-SHA384", "AES256-GCM-SHA384 ",
                           "AES256-CCM", "AES128-GCM-SHA384"}) {
    CHECK_FALSE(approvedSuite(name));
  }
}

TEST_CASE("G26 an offer keeps its approved suites in their order, or is none") {
  const auto mixed = offer("PSK-CHACHA20-POLY1305:PSK-AES128-GCM-SHA256:PSK-AES256-GCM-SHA384");
  CHECK(approvedOffer(mixed)->ciphers == "PSK-AES128-GCM-SHA256:PSK-AES256-GCM-SHA384");
  CHECK(approvedOffer(mixed)->id == mixed->id);
  const auto good = offer("PSK-AES256-GCM-SHA384");
  CHECK(approvedOffer(good) == good);
  CHECK(approvedOffer(offer("AES256-SHA")) == nullptr);
  CHECK(approvedOffer(offer("")) == nullptr);
  CHECK(approvedOffer(nullptr) == nullptr);
}
