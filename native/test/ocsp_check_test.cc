#include "ocsp_check.h"

#include <doctest/doctest.h>
#include <openssl/ocsp.h>

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
const TrustStore& trust() {
  static OpError error;
  static const auto store = TrustStore::create(root().pem(), {}, error);
  return *store;
}
const Bytes& question() {
  static const Bytes made = ocspRequest(alice().der(), root().der());
  return made;
}

struct Answer {
  int status = V_OCSP_CERTSTATUS_GOOD;
  const Issued* about = &alice();
  const Issued* signer = &root();
  const Bytes* nonceOf = &question();  // nullptr: without
  long from = -kHour;
  long to = kHour;  // 0: names no end
  unsigned long flags = OCSP_NOCERTS;
};

Bytes answerOf(const Answer& wanted) {
  OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
  OCSP_CERTID* id = OCSP_cert_to_id(nullptr, wanted.about->certificate.get(), root().certificate.get());
  ASN1_TIME *from = X509_gmtime_adj(nullptr, wanted.from), *to = wanted.to == 0 ? nullptr : X509_gmtime_adj(nullptr, wanted.to);
  ASN1_TIME* revoked = X509_gmtime_adj(nullptr, -2 * kHour);
  OCSP_basic_add1_status(basic, id, wanted.status, OCSP_REVOKED_STATUS_KEYCOMPROMISE, wanted.status == V_OCSP_CERTSTATUS_REVOKED ? revoked : nullptr, from, to);
  if (wanted.nonceOf != nullptr) {
    const unsigned char* at = wanted.nonceOf->data();
    OCSP_REQUEST* request = d2i_OCSP_REQUEST(nullptr, &at, static_cast<long>(wanted.nonceOf->size()));
    OCSP_copy_nonce(basic, request);
    OCSP_REQUEST_free(request);
  }
  REQUIRE(OCSP_basic_sign(basic, wanted.signer->certificate.get(), wanted.signer->key, EVP_sha256(), nullptr, wanted.flags) == 1);
  OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  const Bytes der = derOf(response, i2d_OCSP_RESPONSE);
  OCSP_RESPONSE_free(response);
  OCSP_BASICRESP_free(basic);
  OCSP_CERTID_free(id);
  for (ASN1_TIME* time : {from, to, revoked}) ASN1_TIME_free(time);
  return der;
}
OcspVerdict judge(const Bytes& answer) {
  const Bytes leaf = alice().der(), issuer = root().der();
  return ocspVerdict(trust(), {leaf, issuer}, question(), answer);
}
OcspVerdict verdictOf(const Answer& wanted) { return judge(answerOf(wanted)); }
// Why it proves nothing.
std::string unusable(const OcspVerdict& verdict) {
  CHECK(verdict.status == "unusable");
  return verdict.text;
}

}  // namespace

TEST_CASE("good, revoked and unknown, of the issuer's own") {
  const OcspVerdict good = verdictOf(Answer{});
  CHECK(good.status == "good");
  CHECK(good.nextUpdate > time(nullptr) + kHour - 60);
  const OcspVerdict revoked = verdictOf({.status = V_OCSP_CERTSTATUS_REVOKED});
  CHECK(revoked.status == "revoked");
  CHECK(revoked.text == "keyCompromise");
  CHECK(revoked.revokedAt < time(nullptr) - kHour);
  CHECK(verdictOf({.status = V_OCSP_CERTSTATUS_UNKNOWN}).status == "unknown");
}

TEST_CASE("who may answer: the issuer, or whom it has certified for that") {
  const Issued responder = issue({"responder", &root(), {{NID_ext_key_usage, "OCSPSigning"}, {NID_key_usage, "digitalSignature"}}});
  CHECK(verdictOf({.signer = &responder, .flags = 0}).status == "good");
  const std::string refusal = "the answer is not signed by the issuer or its responder";
  CHECK(unusable(verdictOf({.signer = &responder})) == refusal);  // who sends no certificate is not known
  CHECK(unusable(verdictOf({.signer = &alice(), .flags = 0})) == refusal);
  const Issued stranger = issue({.name = "root", .extensions = kAuthority, .key = keyNamed("stranger")});
  CHECK(unusable(verdictOf({.signer = &stranger, .flags = 0})) == refusal);
  const Issued expired = issue({.name = "late", .by = &root(), .extensions = {{NID_ext_key_usage, "OCSPSigning"}}, .from = -3 * kHour, .to = -kHour});
  CHECK(unusable(verdictOf({.signer = &expired, .flags = 0})) == refusal);
}

TEST_CASE("an answer is to this question, about this certificate, and of now") {
  CHECK(verdictOf({.nonceOf = nullptr}).status == "good");
  const Bytes other = ocspRequest(alice().der(), root().der());
  CHECK(other != question());
  CHECK(unusable(verdictOf({.nonceOf = &other})) == "the answer is to another question");
  const Issued bob = issue({"bob", &root()});
  CHECK(unusable(verdictOf({.about = &bob})) == "the answer is about another certificate");
  CHECK(unusable(verdictOf({.to = -10 * 60})) == "the answer is not of now");
  CHECK(unusable(verdictOf({.from = 10 * 60})) == "the answer is not of now");
  CHECK(verdictOf({.from = 4 * 60}).status == "good");  // clocks differ
  CHECK(verdictOf({.from = -6 * 24 * kHour, .to = 0}).status == "good");
  CHECK(verdictOf({.from = -6 * 24 * kHour, .to = 0}).nextUpdate == 0);
  CHECK(unusable(verdictOf({.from = -8 * 24 * kHour, .to = 0})) == "the answer is not of now");
}

TEST_CASE("a responder that is busy, and a chain without an issuer") {
  OCSP_RESPONSE* busy = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, nullptr);
  CHECK(unusable(judge(derOf(busy, i2d_OCSP_RESPONSE))) == "the responder says trylater");
  OCSP_RESPONSE_free(busy);
  const Bytes leaf = alice().der(), answer = answerOf({}), broken{0x30, 0x01};
  CHECK(unusable(ocspVerdict(trust(), {leaf}, question(), answer)) == "the issuer is not known");
  CHECK(unusable(ocspVerdict(trust(), {leaf, broken}, question(), answer)) == "a certificate cannot be read");
  CHECK(ocspRequest(leaf, broken).empty());
  CHECK(ocspRequest(broken, leaf).empty());
}

TEST_CASE("cut off, changed, absurd: proves nothing, and nothing is read beyond its end") {
  const Bytes answer = answerOf({});
  everyCut(answer, [](const Bytes& part) { unusable(judge(part)); });
  everyChange(answer, [](const Bytes& changed) { unusable(judge(changed)); });
  unusable(judge(Bytes(1 << 20, 0x30)));
  unusable(judge(Bytes{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}));
  const Bytes leaf = alice().der(), issuer = root().der();
  everyCut(question(), [&](const Bytes& part) { unusable(ocspVerdict(trust(), {leaf, issuer}, part, answer)); });
  everyCut(leaf, [&](const Bytes& part) { CHECK(ocspRequest(part, issuer).empty()); });
}
