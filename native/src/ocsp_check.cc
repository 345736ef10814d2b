#include "ocsp_check.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <ctime>
#include <memory>

#include "pem.h"

namespace postern {
namespace {

// Implementation constants, seconds.
constexpr long kSkew = 300;
constexpr long kOldest = 7 * 86'400;  // of an answer without a next update
constexpr int kNonce = 16;

template <auto fn>
struct Free {
  template <typename T>
  void operator()(T* p) const noexcept { fn(p); }
};
using Request = std::unique_ptr<OCSP_REQUEST, Free<OCSP_REQUEST_free>>;
using Response = std::unique_ptr<OCSP_RESPONSE, Free<OCSP_RESPONSE_free>>;
using Basic = std::unique_ptr<OCSP_BASICRESP, Free<OCSP_BASICRESP_free>>;
using CertificateId = std::unique_ptr<OCSP_CERTID, Free<OCSP_CERTID_free>>;

pem::Certificate certificate(ByteView der) {
  const unsigned char* at = der.data();
  return pem::Certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

int64_t seconds(const ASN1_GENERALIZEDTIME* time) {
  tm parts{};
  return time != nullptr && ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(timegm(&parts)) : 0;
}

OcspVerdict unusable(std::string why) {
  ERR_clear_error();
  return {"unusable", std::move(why)};
}

}  // namespace

Bytes ocspRequest(ByteView leaf, ByteView issuer) {
  ERR_clear_error();
  const auto subject = certificate(leaf), authority = certificate(issuer);
  const Request request(OCSP_REQUEST_new());
  Bytes der;
  if (subject != nullptr && authority != nullptr && request != nullptr) {
    CertificateId id(OCSP_cert_to_id(nullptr, subject.get(), authority.get()));
    if (id != nullptr && OCSP_request_add0_id(request.get(), id.get()) != nullptr) {
      (void)id.release();
      unsigned char* out = nullptr;
      const int length = OCSP_request_add1_nonce(request.get(), nullptr, kNonce) == 1 ? i2d_OCSP_REQUEST(request.get(), &out) : -1;
      if (length > 0) der.assign(out, out + length);
      OPENSSL_free(out);
    }
  }
  ERR_clear_error();
  return der;
}

OcspVerdict ocspVerdict(const TrustStore& trust, const std::vector<ByteView>& chain, ByteView asked, ByteView answer) {
  ERR_clear_error();
  if (chain.size() < 2) return unusable("the issuer is not known");
  const unsigned char* at = answer.data();
  const Response response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(answer.size())));
  if (response == nullptr) return unusable("the answer cannot be read");
  if (const int status = OCSP_response_status(response.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL) return unusable(std::string("the responder says ") + OCSP_response_status_str(status));
  const Basic basic(OCSP_response_get1_basic(response.get()));
  const unsigned char* from = asked.data();
  const Request request(d2i_OCSP_REQUEST(nullptr, &from, static_cast<long>(asked.size())));
  if (basic == nullptr || request == nullptr) return unusable("the answer cannot be read");
  // -1: without a nonce, as responders that prepare their answers give it.
  if (OCSP_check_nonce(request.get(), basic.get()) == 0) return unusable("the answer is to another question");
  std::vector<pem::Certificate> held;
  std::unique_ptr<STACK_OF(X509), Free<[](STACK_OF(X509)* p) { sk_X509_free(p); }>> issuers(sk_X509_new_null());
  for (const ByteView der : chain) {
    held.push_back(certificate(der));
    if (held.back() == nullptr) return unusable("a certificate cannot be read");
    if (held.size() > 1) sk_X509_push(issuers.get(), held.back().get());
  }
  if (OCSP_basic_verify(basic.get(), issuers.get(), trust.store(), 0) != 1) return unusable("the answer is not signed by the issuer or its responder");
  const CertificateId id(OCSP_cert_to_id(nullptr, held[0].get(), held[1].get()));
  int status = 0, reason = -1;
  ASN1_GENERALIZEDTIME *revoked = nullptr, *thisUpdate = nullptr, *nextUpdate = nullptr;
  if (id == nullptr || OCSP_resp_find_status(basic.get(), id.get(), &status, &reason, &revoked, &thisUpdate, &nextUpdate) != 1) return unusable("the answer is about another certificate");
  if (OCSP_check_validity(thisUpdate, nextUpdate, kSkew, nextUpdate == nullptr ? kOldest : -1) != 1) return unusable("the answer is not of now");
  OcspVerdict verdict;
  verdict.nextUpdate = seconds(nextUpdate);
  verdict.status = status == V_OCSP_CERTSTATUS_GOOD ? "good" : status == V_OCSP_CERTSTATUS_REVOKED ? "revoked" : "unknown";
  if (status == V_OCSP_CERTSTATUS_REVOKED) {
    verdict.revokedAt = seconds(revoked);
    if (reason >= 0) verdict.text = OCSP_crl_reason_str(reason);
  }
  return verdict;
}

}  // namespace postern
