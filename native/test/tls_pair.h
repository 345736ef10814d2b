// A TLS connection over loopback TCP: the server's half ready for promotion, the client's half for the test.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <stdexcept>
#include <thread>

#include "tls_secrets.h"

namespace postern::test {

inline void check(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

// One self-signed P-256 certificate for all tests of the process. Connections of an unwatched context keep their SSL.
inline SSL_CTX* serverContext(bool watched = true) {
  const auto make = [](bool watch) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* cert = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("gateway"), -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    SSL_CTX* made = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(made, cert);
    SSL_CTX_use_PrivateKey(made, key);
    SSL_CTX_set_num_tickets(made, 0);
    SSL_CTX_set_options(made, SSL_OP_NO_RENEGOTIATION);
    if (watch) watchTlsSecrets(made);
    X509_free(cert);
    EVP_PKEY_free(key);
    return made;
  };
  static SSL_CTX* const contexts[] = {make(false), make(true)};
  return contexts[watched];
}

struct TlsPair {
  int serverFd = -1, clientFd = -1;
  SSL *server = nullptr, *client = nullptr;
};

// `receiveBuffer` of the client in bytes; 0 = the system's. `suite` by OpenSSL's name; nullptr = any.
inline TlsPair connectTls(int version = TLS1_3_VERSION, int receiveBuffer = 0, const char* suite = nullptr, bool watched = true) {
  TlsPair pair;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener, 1) == 0, "listen");
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  pair.clientFd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receiveBuffer != 0) ::setsockopt(pair.clientFd, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
  check(::connect(pair.clientFd, reinterpret_cast<sockaddr*>(&address), size) == 0, "connect");
  pair.serverFd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ::close(listener);
  const int on = 1;
  ::setsockopt(pair.clientFd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
  if (suite != nullptr) check((version == TLS1_3_VERSION ? SSL_CTX_set_ciphersuites : SSL_CTX_set_cipher_list)(context, suite) == 1, "suite");
  pair.client = SSL_new(context);
  SSL_CTX_free(context);
  pair.server = SSL_new(serverContext(watched));
  SSL_set_fd(pair.client, pair.clientFd);
  SSL_set_fd(pair.server, pair.serverFd);
  bool connected = false;
  std::thread client([&] { connected = SSL_connect(pair.client) == 1; });
  const bool accepted = SSL_accept(pair.server) == 1;
  client.join();
  check(connected && accepted, "TLS handshake");
  ::fcntl(pair.serverFd, F_SETFL, O_NONBLOCK);
  const timeval patience{5, 0};
  ::setsockopt(pair.clientFd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return pair;
}

}  // namespace postern::test
