#include "dtls_handshake.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <sys/time.h>

#include "byte_order.h"
#include "dtls_ssl_protection.h"

namespace postern {
namespace {

constexpr size_t kUdpHeader = 8;
constexpr size_t kMasterSecret = 48;
constexpr size_t kRandom = 32;

uint64_t load48(const uint8_t* at) noexcept { return uint64_t{load16(at)} << 32 | load32(at + 2); }

}  // namespace

std::unique_ptr<DtlsHandshake> DtlsHandshake::create(DtlsContexts& contexts, DtlsCandidate candidate, uint16_t mtu, bool ipv4) {
  ERR_clear_error();
  const bool psk = candidate.offer->mode == DtlsOffer::Mode::kPsk;
  if (psk ? candidate.secret.bytes.empty() : candidate.secret.bytes.size() != kMasterSecret) return nullptr;
  SSL_CTX* const ctx = contexts.find(*candidate.offer);
  if (ctx == nullptr) return nullptr;
  std::unique_ptr<DtlsHandshake> made(new DtlsHandshake(std::move(candidate)));
  made->port_.overhead = (ipv4 ? 20 : 40) + kUdpHeader;
  if (psk) {
    made->offerKeys();
  } else {
    made->session_ = resumedSession(ctx, *made->candidate_.offer, made->candidate_.secret.bytes);
    if (made->session_ == nullptr) return nullptr;
    made->secrets_.session = made->session_.get();
  }
  made->ssl_.reset(SSL_new(ctx));
  BIO* const bio = made->ssl_ == nullptr ? nullptr : newDatagramBio(made->port_);
  if (bio == nullptr) {
    ERR_clear_error();
    return nullptr;
  }
  SSL* const ssl = made->ssl_.get();
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, &made->secrets_);
  SSL_set_mtu(ssl, static_cast<long>(mtu - made->port_.overhead));
  SSL_set_accept_state(ssl);
  if (made->choice_) made->choice_->watch(ssl);
  return made;
}

void DtlsHandshake::offerKeys() {
  const DtlsOffer& offer = *candidate_.offer;
  const ByteView current = candidate_.secret.bytes, former = offer.formerSecret;
  if (!former.empty() && offer.formerFirst) choice_.emplace(former, current);
  else if (!former.empty()) choice_.emplace(current, former);
  secrets_.psk = choice_ ? choice_->key() : current;
}

DtlsHandshake::State DtlsHandshake::begin(ByteView clientHello, bool answersCookie) {
  if (!answersCookie) return feed(clientHello);
  // Else OpenSSL would wait for the ClientHello without a cookie, which we have answered without it.
  ERR_clear_error();
  port_.in = clientHello;
  BIO_ADDR* const peer = BIO_ADDR_new();
  const int accepted = peer == nullptr ? -1 : DTLSv1_listen(ssl_.get(), peer);
  BIO_ADDR_free(peer);
  port_.in = {};
  if (accepted == 1) return advance();
  port_.out.clear();
  ERR_clear_error();
  return State::kFailed;
}

DtlsHandshake::State DtlsHandshake::feed(ByteView records) {
  Bytes held;
  if (choice_) {
    if (!choice_->receive(ssl_.get(), records)) return State::kRunning;
    held = choice_->take();
    records = held;
    secrets_.psk = choice_->key();
  }
  port_.in = records;
  const State state = advance();
  port_.in = {};
  return state;
}

DtlsHandshake::State DtlsHandshake::advance() {
  ERR_clear_error();
  const size_t before = port_.out.size();
  const int done = SSL_do_handshake(ssl_.get());
  const int error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), done);
  ERR_clear_error();
  if (port_.out.size() > before) flight_.assign(port_.out.begin() + static_cast<ptrdiff_t>(before), port_.out.end());
  for (size_t i = before; i < port_.out.size(); ++i) noteSent(port_.out[i]);
  if (done == 1) return State::kDone;
  return error == SSL_ERROR_WANT_READ ? State::kRunning : State::kFailed;
}

DtlsHandshake::State DtlsHandshake::tick() {
  ERR_clear_error();
  const size_t before = port_.out.size();
  const long handled = DTLSv1_handle_timeout(ssl_.get());
  ERR_clear_error();
  for (size_t i = before; i < port_.out.size(); ++i) noteSent(port_.out[i]);
  return handled < 0 ? State::kFailed : State::kRunning;
}

std::optional<uint32_t> DtlsHandshake::timeoutMs() const {
  timeval left{};
  if (DTLSv1_get_timeout(ssl_.get(), &left) != 1) return std::nullopt;
  return static_cast<uint32_t>(left.tv_sec * 1000 + (left.tv_usec + 999) / 1000);
}

std::vector<Bytes> DtlsHandshake::take() {
  std::vector<Bytes> out;
  out.swap(port_.out);
  return out;
}

// The record layer that follows goes on where OpenSSL's ends; its explicit nonces begin at random.
void DtlsHandshake::noteSent(const Bytes& datagram) {
  ByteView left = datagram;
  while (const size_t length = dtlsRecordLength(left)) {
    const uint8_t* const record = left.data();
    if (load16(record + 3) == 1 && length >= kDtlsHeader + kGcmExplicitNonce) {
      sentSequence_ = load48(record + 5);
      sentNonce_ = load64(record + kDtlsHeader);
    }
    left = left.subspan(length);
  }
}

std::unique_ptr<DtlsProtection> DtlsHandshake::takeOver(DtlsCipher cipher) {
  if (cipher == DtlsCipher::kCbc) {
    SSL_set_app_data(ssl_.get(), nullptr);
    return createSslProtection(ssl_.release());
  }
  uint8_t master[kMasterSecret], ours[kRandom], theirs[kRandom];
  SSL_get_server_random(ssl_.get(), ours, sizeof ours);
  SSL_get_client_random(ssl_.get(), theirs, sizeof theirs);
  const size_t length = SSL_SESSION_get_master_key(SSL_get_session(ssl_.get()), master, sizeof master);
  DtlsKeys keys;
  const bool good = deriveDtlsKeys(cipher, {master, length}, theirs, ours, keys);
  OPENSSL_cleanse(master, sizeof master);
  ssl_.reset();
  if (!good) return nullptr;
  keys.writeSequence = sentSequence_ + 1;
  keys.writeNonce = sentNonce_ + 1;
  // Records the handshake consumed would only open as handshake messages, which mean nothing by now: no need to know
  // their numbers beyond the first.
  keys.readHighest = 0;
  return createAeadProtection(keys);
}

std::optional<DtlsAgreed> DtlsHandshake::finish() {
  SSL* const ssl = ssl_.get();
  const SSL_CIPHER* const chosen = SSL_get_current_cipher(ssl);
  const bool resumed = candidate_.offer->mode == DtlsOffer::Mode::kResumed;
  if (chosen == nullptr || SSL_version(ssl) != DTLS1_2_VERSION || (SSL_session_reused(ssl) == 1) != resumed) return std::nullopt;
  const DtlsCipher cipher = cipherOf(chosen);
  DtlsAgreed agreed;
  agreed.cipher = SSL_CIPHER_get_name(chosen);
  if (!resumed) agreed.lastFlight = std::move(flight_);
  if (choice_) agreed.former = choice_->second() != candidate_.offer->formerFirst;
  agreed.protection = takeOver(cipher);
  if (agreed.protection == nullptr) return std::nullopt;
  return agreed;
}

}  // namespace postern
