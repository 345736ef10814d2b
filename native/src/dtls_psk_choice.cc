#include "dtls_psk_choice.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <cstring>

#include "byte_order.h"
#include "dtls_contexts.h"
#include "dtls_protection.h"
#include "tls_prf.h"

namespace postern {
namespace {

// Specification constants: RFC 6347 section 4.2.2, RFC 5246 section 7.4.
constexpr size_t kMessageHeader = 12, kFragmentAt = 6;
constexpr uint8_t kClientHello = 1, kServerHelloDone = 14, kClientKeyExchange = 16;
constexpr size_t kRandom = 32, kMasterSecret = 48;

// RFC 4279 section 2.
Bytes premasterOf(ByteView psk) {
  Bytes premaster(2 * (2 + psk.size()));
  store16(premaster.data(), static_cast<uint16_t>(psk.size()));
  store16(premaster.data() + 2 + psk.size(), static_cast<uint16_t>(psk.size()));
  std::memcpy(premaster.data() + 4 + psk.size(), psk.data(), psk.size());
  return premaster;
}

uint32_t load24(const uint8_t* at) noexcept { return uint32_t{at[0]} << 16 | load16(at + 1); }

// The message in a record's body, when it is whole.
ByteView wholeMessage(ByteView body) noexcept {
  if (body.size() < kMessageHeader) return {};
  const size_t length = load24(&body[1]);
  if (load24(&body[kFragmentAt]) != 0 || load24(&body[kFragmentAt + 3]) != length || body.size() < kMessageHeader + length) return {};
  return body.first(kMessageHeader + length);
}

}  // namespace

void DtlsPskChoice::watch(SSL* ssl) {
  SSL_set_msg_callback(ssl, observe);
  SSL_set_msg_callback_arg(ssl, this);
}

void DtlsPskChoice::observe(int, int, int type, const void* bytes, size_t length, SSL*, void* self) {
  if (type == SSL3_RT_HANDSHAKE && length >= kMessageHeader) static_cast<DtlsPskChoice*>(self)->message({static_cast<const uint8_t*>(bytes), length});
}

// Repeats of our flight come here too.
void DtlsPskChoice::message(ByteView message) {
  if (answered_) return;
  if (message[0] == kClientHello) transcript_.clear();
  transcript_.insert(transcript_.end(), message.begin(), message.end());
  answered_ = message[0] == kServerHelloDone;
}

bool DtlsPskChoice::receive(SSL* ssl, ByteView records) {
  held_.insert(held_.end(), records.begin(), records.end());
  if (decided_ || !answered_) return true;
  read(records);
  const bool complete = !exchange_.empty() && !finished_.empty();
  if (!complete && held_.size() < kHeld) return false;
  if (complete) decide(ssl);
  decided_ = true;
  return true;
}

void DtlsPskChoice::read(ByteView records) {
  while (const size_t length = dtlsRecordLength(records)) {
    const ByteView record = records.first(length), body = record.subspan(kDtlsHeader);
    records = records.subspan(length);
    if (static_cast<DtlsContent>(record[0]) != DtlsContent::kHandshake) continue;
    const uint16_t epoch = load16(&record[3]);
    if (epoch == 1 && finished_.empty()) finished_.assign(record.begin(), record.end());
    const ByteView message = epoch == 0 ? wholeMessage(body) : ByteView();
    if (!message.empty() && message[0] == kClientKeyExchange && exchange_.empty()) exchange_.assign(message.begin(), message.end());
  }
}

void DtlsPskChoice::decide(SSL* ssl) {
  transcript_.insert(transcript_.end(), exchange_.begin(), exchange_.end());
  for (size_t i = 0; i < std::size(keys_); ++i) {
    if (!opensFinished(ssl, keys_[i])) continue;
    chosen_ = i;
    return;
  }
}

// The master secret with (RFC 7627 section 4) and without what was said so far; OpenSSL does not tell yet which it is.
bool DtlsPskChoice::opensFinished(SSL* ssl, ByteView key) const {
  const SSL_CIPHER* const cipher = SSL_get_pending_cipher(ssl);
  if (cipher == nullptr || SSL_CIPHER_get_kx_nid(cipher) != NID_kx_psk) return false;
  const EVP_MD* const md = SSL_CIPHER_get_handshake_digest(cipher);
  uint8_t randoms[2 * kRandom], session[EVP_MAX_MD_SIZE], master[kMasterSecret];
  unsigned sessionSize = 0;
  if (md == nullptr || EVP_Digest(transcript_.data(), transcript_.size(), session, &sessionSize, md, nullptr) != 1) {
    ERR_clear_error();
    return false;
  }
  SSL_get_client_random(ssl, randoms, kRandom);
  SSL_get_server_random(ssl, randoms + kRandom, kRandom);
  Bytes premaster = premasterOf(key);
  bool opened = false;
  for (const bool extended : {true, false}) {
    const ByteView seed = extended ? ByteView(session, sessionSize) : ByteView(randoms, sizeof randoms);
    DtlsKeys keys;
    if (!tls12Prf(EVP_MD_get0_name(md), premaster, extended ? "extended master secret" : "master secret", seed, master) ||
        !deriveDtlsKeys(cipherOf(cipher), master, {randoms, kRandom}, {randoms + kRandom, kRandom}, keys)) {
      continue;
    }
    // Any but the Finished's own: it is not to count as seen.
    keys.readHighest = (load64(&finished_[3]) & ((uint64_t{1} << 48) - 1)) + 1;
    Bytes copy = finished_;
    ByteSpan plain;
    DtlsContent type{};
    const auto protection = createAeadProtection(keys);
    opened = opened || (protection != nullptr && protection->open(copy, plain, type) == DtlsProtection::Opened::kData);
  }
  OPENSSL_cleanse(premaster.data(), premaster.size());
  OPENSSL_cleanse(master, sizeof master);
  return opened;
}

}  // namespace postern
