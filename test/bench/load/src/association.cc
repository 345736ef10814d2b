#include "association.h"

#include <openssl/err.h>
#include <poll.h>

#include <chrono>

namespace load {

using Clock = std::chrono::steady_clock;

unsigned pskOf(SSL* ssl, const char*, char* identity, unsigned identityRoom, unsigned char* key, unsigned keyRoom) {
  const Bytes& secret = static_cast<Association*>(SSL_get_app_data(ssl))->secret_;
  if (identityRoom < 4 || keyRoom < secret.size()) return 0;
  std::memcpy(identity, "psk", 4);
  std::memcpy(key, secret.data(), secret.size());
  return unsigned(secret.size());
}

DtlsContexts::DtlsContexts() {
  for (SslContext* context : {&psk, &resumed}) {
    context->reset(SSL_CTX_new(DTLS_client_method()));
    SSL_CTX* const raw = context->get();
    SSL_CTX_set_min_proto_version(raw, DTLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(raw, DTLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(raw, SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_ENCRYPT_THEN_MAC | SSL_OP_LEGACY_SERVER_CONNECT);
  }
  SSL_CTX_set_psk_client_callback(psk.get(), pskOf);
}

Association::Association(const DtlsContexts& contexts, Socket udp, const DtlsPlan& plan)
    : wire_(std::make_unique<DtlsWire>(std::move(udp), plan.drop)), secret_(plan.secret) {
  const bool resumes = plan.mode == Offer::Mode::kResumed;
  ssl_.reset(SSL_new(resumes ? contexts.resumed.get() : contexts.psk.get()));
  SSL* const ssl = ssl_.get();
  SSL_set_app_data(ssl, this);
  if (!plan.ems) SSL_set_options(ssl, SSL_OP_NO_EXTENDED_MASTER_SECRET);
  if (SSL_set_cipher_list(ssl, (plan.suites + ":@SECLEVEL=0").c_str()) != 1) throw Failure("no such suite: " + plan.suites);
  SSL_set_mtu(ssl, plan.linkMtu);
  BIO* const bio = wire_->bio();
  SSL_set_bio(ssl, bio, bio);

  // The id goes into the ClientHello as that of a session to resume.
  std::unique_ptr<SSL_SESSION, SslFree> session(SSL_SESSION_new());
  SSL_SESSION_set_protocol_version(session.get(), DTLS1_2_VERSION);
  SSL_SESSION_set1_id(session.get(), plan.id.data(), unsigned(plan.id.size()));
  const SSL_CIPHER* first = nullptr;
  const auto* const list = SSL_get_ciphers(ssl);
  // OpenSSL puts those of TLS 1.3 in front of what was asked for.
  for (int i = 0; i < sk_SSL_CIPHER_num(list) && first == nullptr; ++i)
    if (const SSL_CIPHER* const one = sk_SSL_CIPHER_value(list, i); std::strcmp(SSL_CIPHER_get_version(one), "TLSv1.3") != 0) first = one;
  if (first == nullptr) throw Failure("no such suite: " + plan.suites);
  SSL_SESSION_set_cipher(session.get(), first);
  SSL_SESSION_set_timeout(session.get(), 86'400);
  if (resumes) SSL_SESSION_set1_master_key(session.get(), plan.secret.data(), plan.secret.size());
  SSL_set_session(ssl, session.get());
  SSL_set_connect_state(ssl);

  const auto started = Clock::now();
  shakeHands(plan.limitMs);
  facts.ms = std::chrono::duration<double, std::milli>(Clock::now() - started).count();
  facts.version = SSL_get_version(ssl);
  facts.cipher = SSL_get_cipher_name(ssl);
  facts.helloVerified = wire_->helloVerified;
  facts.resumed = SSL_session_reused(ssl) == 1;
  facts.datagramsOut = wire_->sent;
  facts.datagramsIn = wire_->received;
  if (resumes && !facts.resumed) throw Failure("DTLS session resume failed; possible MITM attack");
  takeOver();
}

void Association::shakeHands(int limitMs) {
  const auto end = Clock::now() + std::chrono::milliseconds(limitMs);
  for (;;) {
    ERR_clear_error();
    const int n = SSL_do_handshake(ssl_.get());
    if (n == 1) return;
    const int error = SSL_get_error(ssl_.get(), n);
    if (error != SSL_ERROR_WANT_READ) throw Failure(sslError("DTLS handshake"));
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) throw Failure("DTLS handshake: no answer within " + std::to_string(limitMs) + " ms");
    timeval timeout{1, 0};
    DTLSv1_get_timeout(ssl_.get(), &timeout);
    const long waitMs = std::min<long>(left, timeout.tv_sec * 1000 + timeout.tv_usec / 1000 + 1);
    pollfd wait{wire_->fd(), POLLIN, 0};
    if (poll(&wait, 1, int(waitMs)) <= 0 && DTLSv1_handle_timeout(ssl_.get()) < 0) throw Failure(sslError("DTLS handshake"));
  }
}

void Association::takeOver() {
  SSL* const ssl = ssl_.get();
  uint8_t master[48], client[32], server[32];
  const size_t length = SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master);
  SSL_get_client_random(ssl, client, sizeof client);
  SSL_get_server_random(ssl, server, sizeof server);
  suite = suiteOf(SSL_get_current_cipher(ssl));
  keys_ = deriveKeys(suite, View(master, length), client, server);
  sequence = wire_->highestSequence + 1;
  keys_.write->nonce = wire_->lastNonce + 1;
}

void Association::repeatLastFlight(View record) {
  if (!ssl_) return;
  wire_->inject(record);
  uint8_t nothing[256];
  ERR_clear_error();
  SSL_read(ssl_.get(), nothing, sizeof nothing);
  ERR_clear_error();
  sequence = std::max(sequence, wire_->highestSequence + 1);
  keys_.write->nonce = std::max(keys_.write->nonce, wire_->lastNonce + 1);
}

Bytes Association::record(uint8_t type, View plain) {
  Bytes bytes(plain.size() + keys_.write->overhead());
  std::memcpy(bytes.data() + keys_.write->prefix(), plain.data(), plain.size());
  bytes.resize(seal(bytes.data(), type, plain.size()));
  return bytes;
}

bool Association::sendRaw(View datagram) const { return ::send(fd(), datagram.data(), datagram.size(), MSG_NOSIGNAL) == long(datagram.size()); }

Association::Opened Association::open(uint8_t*& datagram, size_t& length, View& plain) {
  uint8_t* const record = datagram;
  if (length < kRecordHeader || kRecordHeader + get16(record + 11) > length) {
    ++odd;
    length = 0;
    return Opened::kNothing;
  }
  const size_t size = kRecordHeader + get16(record + 11);
  datagram += size;
  length -= size;
  const uint8_t type = record[0];
  const uint32_t epoch = get16(record + 3);
  if (epoch == 0 || (epoch == 1 && (type == kHandshake || type == kChangeCipherSpec))) {
    repeatLastFlight(View(record, size));
    return Opened::kNothing;
  }
  if (epoch != 1 || get16(record + 1) != 0xfefd || (type != kApplicationData && type != kAlert)) {
    ++odd;
    return Opened::kNothing;
  }
  const uint64_t number = get48(record + 5);
  uint8_t* text = nullptr;
  size_t textLength = 0;
  if (!keys_.read->open(record, size, text, textLength)) {
    ++forged;
    return Opened::kNothing;
  }
  if (!seen.take(number)) return Opened::kNothing;
  // The gateway has our Finished: nothing is left to repeat.
  ssl_.reset();
  plain = View(text, textLength);
  if (type == kApplicationData) return Opened::kData;
  ++alerts;
  return textLength == 2 && text[1] == 0 ? Opened::kClosed : Opened::kNothing;
}

}  // namespace load
