#include "chain_verifier.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "pem.h"

namespace postern {
namespace {

// Implementation constants.
constexpr int kLevel = 2;       // 112 bits of security
constexpr int kCurveBits = 256;
constexpr int kIntermediates = 8;

struct Rules {
  bool stale;
  bool listed;
};

struct FreeContext {
  void operator()(X509_STORE_CTX* p) const noexcept { X509_STORE_CTX_free(p); }
};
struct FreeStack {
  void operator()(STACK_OF(X509)* p) const noexcept { sk_X509_pop_free(p, X509_free); }
};

pem::Certificate parse(ByteView der) {
  const unsigned char* at = der.data();
  pem::Certificate one(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (one != nullptr && at != der.data() + der.size()) one.reset();
  return one;
}

// OpenSSL wants a client's usage to be named; "any" is as good.
bool anyPurpose(X509* leaf) {
  if ((X509_get_extended_key_usage(leaf) & XKU_ANYEKU) == 0) return false;
  return (X509_get_key_usage(leaf) & (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)) != 0;
}

int judge(int good, X509_STORE_CTX* context) {
  if (good == 1) return 1;
  const auto* rules = static_cast<const Rules*>(X509_STORE_CTX_get_app_data(context));
  const int depth = X509_STORE_CTX_get_error_depth(context);
  const auto pass = [&] {
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
  };
  switch (X509_STORE_CTX_get_error(context)) {
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return rules->stale ? pass() : 0;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return depth > 0 || !rules->listed ? pass() : 0;
    case X509_V_ERR_INVALID_PURPOSE:
      return depth == 0 && anyPurpose(X509_STORE_CTX_get_current_cert(context)) ? pass() : 0;
    default:
      return 0;
  }
}

bool smallCurve(X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  return key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) < kCurveBits;
}

ChainVerdict refusal(int error, int depth) { return {error, depth, X509_verify_cert_error_string(error), {}}; }

}  // namespace

std::unique_ptr<TrustStore> TrustStore::create(const std::string& authorities, const std::vector<ByteView>& lists, OpError& error) {
  ERR_clear_error();
  std::unique_ptr<TrustStore> made(new TrustStore);
  made->store_ = X509_STORE_new();
  const auto anchors = pem::certificates(authorities);
  if (made->store_ == nullptr || (anchors.empty() && !authorities.empty())) {
    error = {"ERR_TLS_PEM", "trustStore", "holds no readable PEM certificate"};
    return nullptr;
  }
  for (const auto& anchor : anchors) X509_STORE_add_cert(made->store_, anchor.get());
  for (const ByteView der : lists) {
    const unsigned char* at = der.data();
    X509_CRL* list = d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size()));
    const bool whole = list != nullptr && at == der.data() + der.size() && X509_STORE_add_crl(made->store_, list) == 1;
    X509_CRL_free(list);
    if (!whole) {
      ERR_clear_error();
      error = {"ERR_TLS_PEM", "trustStore", "is no readable revocation list"};
      return nullptr;
    }
    made->hasLists_ = true;
  }
  X509_STORE_set_flags(made->store_, X509_V_FLAG_PARTIAL_CHAIN);
  return made;
}

TrustStore::~TrustStore() { X509_STORE_free(store_); }

ChainVerdict TrustStore::verify(const std::vector<ByteView>& sent, int64_t at, bool stale, bool listed) const {
  ERR_clear_error();
  std::unique_ptr<STACK_OF(X509), FreeStack> others(sk_X509_new_null());
  pem::Certificate leaf;
  for (const ByteView der : sent) {
    pem::Certificate one = parse(der);
    if (one == nullptr || others == nullptr) {
      ERR_clear_error();
      return {X509_V_ERR_UNSPECIFIED, 0, "a certificate cannot be read", {}};
    }
    if (leaf == nullptr) leaf = std::move(one);
    else sk_X509_push(others.get(), one.release());
  }
  const std::unique_ptr<X509_STORE_CTX, FreeContext> context(X509_STORE_CTX_new());
  if (leaf == nullptr || context == nullptr || X509_STORE_CTX_init(context.get(), store_, leaf.get(), others.get()) != 1) return refusal(X509_V_ERR_UNSPECIFIED, 0);
  Rules rules{stale, listed};
  X509_STORE_CTX_set_app_data(context.get(), &rules);
  X509_STORE_CTX_set_verify_cb(context.get(), judge);
  X509_STORE_CTX_set_default(context.get(), "ssl_client");
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_auth_level(param, kLevel);
  X509_VERIFY_PARAM_set_depth(param, kIntermediates);
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(at));
  if (hasLists_ || listed) X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  const bool good = X509_verify_cert(context.get()) == 1;
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (!good || error != X509_V_OK) return refusal(error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error, X509_STORE_CTX_get_error_depth(context.get()));
  ChainVerdict verdict;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* one = sk_X509_value(chain, i);
    if (smallCurve(one)) return refusal(i == 0 ? X509_V_ERR_EE_KEY_TOO_SMALL : X509_V_ERR_CA_KEY_TOO_SMALL, i);
    unsigned char* der = nullptr;
    const int length = i2d_X509(one, &der);
    if (length < 0) return refusal(X509_V_ERR_OUT_OF_MEM, i);
    verdict.chain.emplace_back(der, der + length);
    OPENSSL_free(der);
  }
  return verdict;
}

}  // namespace postern
