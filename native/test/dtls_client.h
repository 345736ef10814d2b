// A DTLS client of OpenSSL in memory: datagrams in, datagrams out.
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>
#include <ctime>
#include <stdexcept>
#include <string>

#include "datagram_bio.h"
#include "dtls_offer.h"

namespace postern::test {

struct ClientConfig {
  DtlsOffer::Mode mode = DtlsOffer::Mode::kPsk;
  Bytes id = Bytes(32, 0x51);
  Bytes secret = Bytes(32, 0x42);  // 48 bytes to resume
  std::string ciphers = "PSK-AES256-GCM-SHA384";
  bool extendedMasterSecret = false;
  unsigned timerUs = 50'000;       // first retransmission; doubled each time
};

class DtlsClient {
 public:
  explicit DtlsClient(const ClientConfig& config) : config_(config) {
    SSL_CTX* ctx = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | (config.extendedMasterSecret ? 0 : SSL_OP_NO_EXTENDED_MASTER_SECRET));
    SSL_CTX_set_ciphersuites(ctx, "");
    if (SSL_CTX_set_cipher_list(ctx, config.ciphers.c_str()) != 1) throw std::runtime_error(config.ciphers + " is unknown");
    SSL_CTX_set_psk_client_callback(ctx, [](SSL* ssl, const char*, char* identity, unsigned, unsigned char* key, unsigned) -> unsigned {
      const Bytes& secret = static_cast<ClientConfig*>(SSL_get_app_data(ssl))->secret;
      std::strcpy(identity, "psk");
      std::memcpy(key, secret.data(), secret.size());
      return static_cast<unsigned>(secret.size());
    });
    ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    BIO* bio = newDatagramBio(port);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, &config_);
    SSL_set_mtu(ssl, 1400);
    SSL_set_connect_state(ssl);
    // In PSK mode the id rides on a session that the server does not know (reference protocol section 9.3).
    SSL_SESSION* session = SSL_SESSION_new();
    const bool resumed = config.mode == DtlsOffer::Mode::kResumed;
    SSL_SESSION_set_protocol_version(session, DTLS1_2_VERSION);
    SSL_SESSION_set_cipher(session, sk_SSL_CIPHER_value(SSL_get_ciphers(ssl), 0));
    const Bytes master = resumed ? config.secret : Bytes(48, 0);
    SSL_SESSION_set1_master_key(session, master.data(), master.size());
    SSL_SESSION_set1_id(session, config.id.data(), static_cast<unsigned>(config.id.size()));
    SSL_SESSION_set_time(session, std::time(nullptr));
    SSL_SESSION_set_timeout(session, 3600);
    SSL_set_session(ssl, session);
    SSL_SESSION_free(session);
    timerUs = config.timerUs;
    DTLS_set_timer_cb(ssl, [](SSL*, unsigned last) { return last == 0 ? timerUs : last * 2; });
  }
  ~DtlsClient() { SSL_free(ssl); }
  DtlsClient(const DtlsClient&) = delete;

  // Goes on with the handshake, with a datagram or without; what it wants to send.
  std::vector<Bytes> step(ByteView datagram = {}) {
    port.in = datagram;
    ERR_clear_error();
    const int n = SSL_do_handshake(ssl);
    done = n == 1;
    failed = !done && SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ;
    // A server that repeats its last flight meets a client that is done: it reads, and answers.
    if (done && !port.in.empty()) read();
    port.in = {};
    return take();
  }
  std::vector<Bytes> tick() {
    DTLSv1_handle_timeout(ssl);
    return take();
  }
  Bytes read(ByteView datagram) {
    port.in = datagram;
    return read();
  }
  std::vector<Bytes> write(const Bytes& plain) {
    if (SSL_write(ssl, plain.data(), static_cast<int>(plain.size())) != static_cast<int>(plain.size())) throw std::runtime_error("SSL_write");
    return take();
  }

  SSL* ssl = nullptr;
  DatagramPort port;
  bool done = false, failed = false;

 private:
  Bytes read() {
    Bytes plain(1 << 14);
    ERR_clear_error();
    const int n = SSL_read(ssl, plain.data(), static_cast<int>(plain.size()));
    plain.resize(n > 0 ? static_cast<size_t>(n) : 0);
    port.in = {};
    return plain;
  }
  std::vector<Bytes> take() {
    std::vector<Bytes> out;
    out.swap(port.out);
    return out;
  }
  ClientConfig config_;
  static inline thread_local unsigned timerUs = 50'000;
};

}  // namespace postern::test
