// Two DTLS peers of OpenSSL joined by queues of datagrams: the server's half to take records over from, the client's
// half for the test.
#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>

#include "bytes.h"

namespace postern::test {

// One end: datagrams that came, datagrams that were sent.
struct DatagramEnd {
  std::deque<Bytes> in, out;
};

inline BIO_METHOD* datagramMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "datagrams");
    BIO_meth_set_write(made, [](BIO* bio, const char* bytes, int size) {
      static_cast<DatagramEnd*>(BIO_get_data(bio))->out.emplace_back(bytes, bytes + size);
      return size;
    });
    BIO_meth_set_read(made, [](BIO* bio, char* into, int size) {
      auto& in = static_cast<DatagramEnd*>(BIO_get_data(bio))->in;
      BIO_clear_retry_flags(bio);
      if (in.empty()) {
        BIO_set_retry_read(bio);
        return -1;
      }
      const int n = std::min(size, static_cast<int>(in.front().size()));
      std::memcpy(into, in.front().data(), static_cast<size_t>(n));
      in.pop_front();
      return n;
    });
    BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) -> long {
      if (command == BIO_CTRL_FLUSH || command == BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT) return 1;
      return command == BIO_CTRL_DGRAM_GET_MTU_OVERHEAD ? 28 : 0;
    });
    BIO_meth_set_create(made, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return made;
  }();
  return method;
}

class DtlsPair {
 public:
  // `suite`: an OpenSSL name; one that begins with PSK- is a PSK handshake, any other a resumed one.
  explicit DtlsPair(const std::string& suite) {
    const bool psk = suite.starts_with("PSK-");
    server = make(DTLS_server_method(), suite, psk, serverEnd);
    SSL_set_options(server, SSL_OP_NO_RENEGOTIATION);
    client = make(DTLS_client_method(), suite, psk, clientEnd);
    if (!psk) resume(suite);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int round = 0; round < 20; ++round) {
      const int c = SSL_do_handshake(client);
      carry();
      const int s = SSL_do_handshake(server);
      carry();
      if (c == 1 && s == 1) return;
    }
    throw std::runtime_error(suite + ": handshake: " + ERR_error_string(ERR_peek_last_error(), nullptr));
  }
  ~DtlsPair() {
    SSL_free(server);
    SSL_free(client);
  }
  DtlsPair(const DtlsPair&) = delete;

  void carry() {
    for (auto& datagram : clientEnd.out) toServer.push_back(datagram), serverEnd.in.push_back(std::move(datagram));
    for (auto& datagram : serverEnd.out) toClient.push_back(datagram), clientEnd.in.push_back(std::move(datagram));
    clientEnd.out.clear();
    serverEnd.out.clear();
  }
  // The record the client makes of `plain`.
  Bytes fromClient(ByteView plain) {
    if (SSL_write(client, plain.data(), static_cast<int>(plain.size())) != static_cast<int>(plain.size())) throw std::runtime_error("SSL_write");
    Bytes record = std::move(clientEnd.out.back());
    clientEnd.out.pop_back();
    return record;
  }
  // What the client reads from a datagram, or from what it still holds when that is empty; empty = nothing.
  Bytes atClient(ByteView datagram) {
    if (!datagram.empty()) clientEnd.in.emplace_back(datagram.begin(), datagram.end());
    Bytes plain(1 << 14);
    ERR_clear_error();
    const int n = SSL_read(client, plain.data(), static_cast<int>(plain.size()));
    plain.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return plain;
  }

  SSL *server = nullptr, *client = nullptr;
  DatagramEnd serverEnd, clientEnd;
  std::vector<Bytes> toServer, toClient;  // datagrams of the handshake

 private:
  static SSL* make(const SSL_METHOD* method, const std::string& suite, bool psk, DatagramEnd& end) {
    SSL_CTX* ctx = SSL_CTX_new(method);
    SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_EXTENDED_MASTER_SECRET | SSL_OP_NO_ENCRYPT_THEN_MAC);
    SSL_CTX_set_session_id_context(ctx, reinterpret_cast<const unsigned char*>("test"), 4);
    SSL_CTX_set_session_cache_mode(ctx, psk ? SSL_SESS_CACHE_OFF : SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    if (SSL_CTX_set_cipher_list(ctx, suite.c_str()) != 1) throw std::runtime_error(suite + " is unknown");
    SSL_CTX_set_psk_server_callback(ctx, [](SSL*, const char*, unsigned char* key, unsigned) -> unsigned {
      std::memset(key, 0x42, 32);
      return 32;
    });
    SSL_CTX_set_psk_client_callback(ctx, [](SSL*, const char*, char* identity, unsigned, unsigned char* key, unsigned) -> unsigned {
      std::strcpy(identity, "psk");
      std::memset(key, 0x42, 32);
      return 32;
    });
    if (!psk) {
      SSL_CTX_sess_set_get_cb(ctx, [](SSL* ssl, const unsigned char*, int, int* copy) {
        *copy = 1;
        return static_cast<SSL_SESSION*>(SSL_get_app_data(ssl));
      });
    }
    SSL* ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    BIO* bio = BIO_new(datagramMethod());
    BIO_set_data(bio, &end);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_mtu(ssl, 1400);
    return ssl;
  }

  void resume(const std::string& suite) {
    const SSL_CIPHER* cipher = nullptr;
    STACK_OF(SSL_CIPHER)* all = SSL_get_ciphers(server);  // those of TLS 1.3 come first
    for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
      if (suite == SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i))) cipher = sk_SSL_CIPHER_value(all, i);
    }
    SSL_SESSION* session = SSL_SESSION_new();
    const unsigned char secret[48] = {7}, id[32] = {9};
    SSL_SESSION_set_protocol_version(session, DTLS1_2_VERSION);
    SSL_SESSION_set_cipher(session, cipher);
    SSL_SESSION_set1_master_key(session, secret, sizeof secret);
    SSL_SESSION_set1_id(session, id, sizeof id);
    SSL_SESSION_set1_id_context(session, reinterpret_cast<const unsigned char*>("test"), 4);
    SSL_SESSION_set_timeout(session, 3600);
    SSL_set_app_data(server, session);
    SSL_set_session(client, session);
    session_.reset(session);
  }

  struct Free {
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  };
  std::unique_ptr<SSL_SESSION, Free> session_;
};

}  // namespace postern::test
