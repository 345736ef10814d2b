#include "chain_verifier.h"

#include <doctest/doctest.h>

#include "pki.h"

using namespace postern;
using namespace postern::test;

namespace {

using Store = std::unique_ptr<TrustStore>;

Store storeOf(const std::vector<const Issued*>& authorities, const std::vector<Bytes>& lists = {}) {
  std::string text;
  for (const Issued* one : authorities) text += one->pem();
  OpError error;
  Store made = TrustStore::create(text, {lists.begin(), lists.end()}, error);
  REQUIRE_MESSAGE(made != nullptr, error.message);
  return made;
}

struct Judging {
  long at = 0;  // seconds from now
  bool stale = false, listed = false;
};
ChainVerdict judge(const Store& store, const std::vector<Bytes>& sent, Judging how = {}) {
  return store->verify({sent.begin(), sent.end()}, time(nullptr) + how.at, how.stale, how.listed);
}

const Issued& root() {
  static const Issued made = issue({"root", nullptr, kAuthority});
  return made;
}
const Issued& alice() {
  static const Issued made = issue({"alice", &root()});
  return made;
}
// Error of a certificate that the root has issued.
int errorOf(const Wanted& wanted) {
  const Issued one = issue(wanted);
  const ChainVerdict verdict = judge(storeOf({&root()}), {one.der()});
  CHECK(verdict.chain.empty() == (verdict.error != X509_V_OK));
  CHECK(verdict.text.empty() == (verdict.error == X509_V_OK));
  return verdict.error;
}

}  // namespace

TEST_CASE("a good chain comes back leaf first, up to the authority, whatever the order of the rest") {
  const Issued between = issue({"between", &root(), kAuthority}), deep = issue({"deep", &between, kAuthority}), leaf = issue({"leaf", &deep});
  const auto store = storeOf({&root()});
  CHECK(judge(store, {alice().der()}).chain == std::vector<Bytes>{alice().der(), root().der()});
  const std::vector<Bytes> whole{leaf.der(), deep.der(), between.der(), root().der()};
  CHECK(judge(store, {leaf.der(), between.der(), alice().der(), deep.der(), root().der()}).chain == whole);
  CHECK(judge(store, {leaf.der(), between.der()}).error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  CHECK(judge(storeOf({&root(), &between, &deep}), {leaf.der()}).error == X509_V_OK);
  // One in the middle is trusted by itself.
  CHECK(judge(storeOf({&between}), {leaf.der(), deep.der()}).chain.size() == 3);
}

TEST_CASE("dates of the leaf and of those above it") {
  CHECK(errorOf({.name = "late", .by = &root(), .from = -3 * kHour, .to = -kHour}) == X509_V_ERR_CERT_HAS_EXPIRED);
  CHECK(errorOf({.name = "early", .by = &root(), .from = kHour}) == X509_V_ERR_CERT_NOT_YET_VALID);
  const auto store = storeOf({&root()});
  CHECK(judge(store, {alice().der()}, {.at = 25 * kHour}).error == X509_V_ERR_CERT_HAS_EXPIRED);
  CHECK(judge(store, {alice().der()}, {.at = -2 * kHour}).error == X509_V_ERR_CERT_NOT_YET_VALID);
  const Issued old = issue({.name = "old", .by = &root(), .extensions = kAuthority, .from = -3 * kHour, .to = -kHour}), leaf = issue({"below old", &old});
  const ChainVerdict verdict = judge(store, {leaf.der(), old.der()});
  CHECK(verdict.error == X509_V_ERR_CERT_HAS_EXPIRED);
  CHECK(verdict.depth == 1);
}

TEST_CASE("usages: clients, any or none; nothing else") {
  CHECK(errorOf({"server", &root(), {{NID_ext_key_usage, "serverAuth"}}}) == X509_V_ERR_INVALID_PURPOSE);
  CHECK(errorOf({"both", &root(), {{NID_ext_key_usage, "serverAuth,clientAuth"}}}) == X509_V_OK);
  CHECK(errorOf({"none", &root(), {}}) == X509_V_OK);
  CHECK(errorOf({"any", &root(), {{NID_ext_key_usage, "anyExtendedKeyUsage"}, {NID_key_usage, "digitalSignature"}}}) == X509_V_OK);
  CHECK(errorOf({"any of no use", &root(), {{NID_ext_key_usage, "anyExtendedKeyUsage"}, {NID_key_usage, "keyEncipherment"}}}) == X509_V_ERR_INVALID_PURPOSE);
  CHECK(errorOf({"cannot sign", &root(), {{NID_ext_key_usage, "clientAuth"}, {NID_key_usage, "keyEncipherment"}}}) == X509_V_ERR_INVALID_PURPOSE);
}

TEST_CASE("weak keys and signatures, of the leaf and of authorities") {
  CHECK(errorOf({.name = "rsa", .by = &root(), .key = keyNamed("rsa 1024", nullptr, 1024)}) == X509_V_ERR_EE_KEY_TOO_SMALL);
  CHECK(errorOf({.name = "curve", .by = &root(), .key = keyNamed("p224", "P-224")}) == X509_V_ERR_EE_KEY_TOO_SMALL);
  CHECK(errorOf({.name = "sha1", .by = &root(), .digest = EVP_sha1()}) == X509_V_ERR_CA_MD_TOO_WEAK);
  EVP_PKEY* rsa = keyNamed("rsa 2048", nullptr, 2048);
  const Issued old = issue({.name = "old", .extensions = kAuthority, .key = rsa, .digest = EVP_md5()});
  const auto store = storeOf({&old});
  CHECK(judge(store, {issue({.name = "md5", .by = &old, .digest = EVP_md5()}).der()}).error == X509_V_ERR_CA_MD_TOO_WEAK);
  // An authority's own signature on itself proves nothing anyway.
  CHECK(judge(store, {issue({"sha2", &old}).der()}).error == X509_V_OK);
  const Issued small = issue({.name = "small", .extensions = kAuthority, .key = keyNamed("p224", "P-224")});
  const ChainVerdict verdict = judge(storeOf({&small}), {issue({"below small", &small}).der()});
  CHECK(verdict.error == X509_V_ERR_CA_KEY_TOO_SMALL);
  CHECK(verdict.depth == 1);
}

TEST_CASE("who may issue what: constraints of names and of path, critical extensions, those who are no authority") {
  const auto store = storeOf({&root()});
  const auto below = [&](const Issued& by, const char* names) {
    return judge(store, {issue({"below", &by, {{NID_subject_alt_name, names}}}).der(), by.der()}).error;
  };
  Extensions limited = kAuthority;
  limited.emplace_back(NID_name_constraints, "critical,permitted;email:corp.example,excluded;DNS:evil.example");
  const Issued office = issue({"office", &root(), limited});
  CHECK(below(office, "email:alice@corp.example") == X509_V_OK);
  CHECK(below(office, "email:alice@other.example") == X509_V_ERR_PERMITTED_VIOLATION);
  CHECK(below(office, "DNS:www.evil.example") == X509_V_ERR_EXCLUDED_VIOLATION);
  const Issued leafAsIssuer = issue({"no authority", &root()});
  CHECK(below(leafAsIssuer, "DNS:a.example") != X509_V_OK);
  const Issued shortPath = issue({"short", &root(), {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"}, {NID_key_usage, "critical,keyCertSign"}}}), over = issue({"over", &shortPath, kAuthority});
  CHECK(judge(store, {issue({"bottom", &over}).der(), over.der(), shortPath.der()}).error == X509_V_ERR_PATH_LENGTH_EXCEEDED);
  CHECK(errorOf({.name = "unknown", .by = &root(), .critical = "what is it"}) == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION);
}

TEST_CASE("a chain that is longer than eight between leaf and authority is not followed") {
  std::vector<Issued> links;
  links.reserve(16);
  links.push_back(issue({"link0", &root(), kAuthority, keyNamed("link")}));
  const auto store = storeOf({&root()});
  const auto chainOf = [&](size_t count) {
    while (links.size() < count) links.push_back(issue({("link" + std::to_string(links.size())).c_str(), &links.back(), kAuthority, keyNamed("link")}));
    std::vector<Bytes> sent{issue({"end", &links[count - 1]}).der()};
    for (size_t i = 0; i < count; ++i) sent.push_back(links[i].der());
    return judge(store, sent).error;
  };
  CHECK(chainOf(8) == X509_V_OK);
  CHECK(chainOf(9) != X509_V_OK);
}

TEST_CASE("whom nobody has signed, whatever it calls its issuer") {
  const Issued stranger = issue({.name = "root", .extensions = kAuthority, .key = keyNamed("stranger")}), mallory = issue({"alice", &stranger});
  const auto store = storeOf({&root()});
  CHECK(judge(store, {mallory.der()}).error == X509_V_ERR_CERT_SIGNATURE_FAILURE);
  CHECK(judge(store, {mallory.der(), stranger.der()}).error != X509_V_OK);
  CHECK(judge(store, {issue({"itself"}).der()}).error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
  CHECK(judge(storeOf({}), {alice().der()}).error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
}

TEST_CASE("revocation lists: revoked, none, stale, another's") {
  const Issued bob = issue({"bob", &root()});
  const auto listed = storeOf({&root()}, {revocationList(root(), {&bob})});
  CHECK(judge(listed, {bob.der()}).error == X509_V_ERR_CERT_REVOKED);
  CHECK(judge(listed, {alice().der()}, {.listed = true}).error == X509_V_OK);
  const auto none = storeOf({&root()});
  CHECK(judge(none, {alice().der()}, {.listed = true}).error == X509_V_ERR_UNABLE_TO_GET_CRL);
  CHECK(judge(none, {alice().der()}).error == X509_V_OK);
  const auto ended = storeOf({&root()}, {revocationList(root(), {&bob}, -kHour)});
  CHECK(judge(ended, {alice().der()}, {.listed = true}).error == X509_V_ERR_CRL_HAS_EXPIRED);
  CHECK(judge(ended, {alice().der()}, {.stale = true, .listed = true}).error == X509_V_OK);
  CHECK(judge(ended, {bob.der()}, {.stale = true}).error == X509_V_ERR_CERT_REVOKED);
  const Issued stranger = issue({.name = "root", .extensions = kAuthority, .key = keyNamed("stranger")});
  CHECK(judge(storeOf({&root()}, {revocationList(stranger, {})}), {alice().der()}).error == X509_V_ERR_CRL_SIGNATURE_FAILURE);
  // An authority between that has no list of its own does not need one; a revoked one is.
  const Issued between = issue({"between", &root(), kAuthority}), leaf = issue({"leaf", &between});
  CHECK(judge(storeOf({&root()}, {revocationList(root(), {&between}), revocationList(between, {})}), {leaf.der(), between.der()}).error == X509_V_ERR_CERT_REVOKED);
  CHECK(judge(storeOf({&root()}, {revocationList(between, {})}), {leaf.der(), between.der()}, {.listed = true}).error == X509_V_OK);
}

TEST_CASE("cut off, changed, absurd: never good, and nothing is read beyond its end") {
  const auto store = storeOf({&root()});
  const Bytes good = alice().der();
  CHECK(judge(store, {}).error != X509_V_OK);
  everyCut(good, [&](const Bytes& part) {
    CHECK(judge(store, {part}).text == "a certificate cannot be read");
    CHECK(judge(store, {good, part}).error != X509_V_OK);
  });
  everyChange(good, [&](const Bytes& changed) { CHECK(judge(store, {changed}).error != X509_V_OK); });
  Bytes more = good;
  more.push_back(0);
  CHECK(judge(store, {more}).error != X509_V_OK);
  CHECK(judge(store, {Bytes(1 << 20, 0x30)}).error != X509_V_OK);
  CHECK(judge(store, {Bytes{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}}).error != X509_V_OK);
  CHECK(judge(store, std::vector<Bytes>(200, good)).error == X509_V_OK);
  CHECK(errorOf({.name = std::string(64, 'a').c_str(), .by = &root()}) == X509_V_OK);
}

TEST_CASE("a store of unreadable authorities or lists is none") {
  const auto refused = [](const std::string& authorities, const Bytes& list) {
    OpError error;
    const auto made = TrustStore::create(authorities, {list}, error);
    CHECK((made == nullptr) == (error.code == "ERR_TLS_PEM"));
    return made == nullptr;
  };
  const Bytes list = revocationList(root(), {});
  CHECK_FALSE(refused(root().pem(), list));
  CHECK_FALSE(refused("", list));
  everyCut(list, [&](const Bytes& part) { CHECK(refused("", part)); });
  CHECK(refused("no certificate", list));
  CHECK(refused(root().pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", list));
}
