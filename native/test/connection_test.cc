#include "connection.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <poll.h>

#include <string>
#include <thread>

#include "tls_pair.h"

using namespace postern;

namespace {

std::string drain(BIO* bio) {
  char* at = nullptr;
  const long length = BIO_get_mem_data(bio, &at);
  std::string text(at, static_cast<size_t>(length));
  BIO_free(bio);
  return text;
}

std::shared_ptr<const TlsContexts> contexts() {
  BIO* chain = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(chain, SSL_CTX_get0_certificate(test::serverContext()));
  BIO* key = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key, SSL_CTX_get0_privatekey(test::serverContext()), nullptr, nullptr, 0, nullptr, nullptr);
  std::vector<TlsContextConfig> configs(1);
  TlsCertificateConfig& pair = configs[0].certificates.emplace_back();
  pair.chainPem = drain(chain);
  pair.keyPem = drain(key);
  OpError error;
  auto made = TlsContexts::create(configs, cipherOrder(false), error);
  test::check(made != nullptr, error.message.c_str());
  return made;
}

}  // namespace

TEST_CASE("G27 a peer that sends KeyUpdates without end gets one of them handled for each read") {
  constexpr int kUpdates = 100;
  int sockets[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
  ::fcntl(sockets[0], F_SETFL, O_NONBLOCK);
  std::thread client([fd = sockets[1]] {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    bool good = SSL_connect(ssl) == 1;
    for (int i = 0; i < kUpdates && good; ++i) good = SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1;
    if (good) SSL_write(ssl, "x", 1);
    SSL_free(ssl);
    SSL_CTX_free(context);
  });

  Admission admission(1, 1, 1);
  const Admission::Source source;
  REQUIRE(admission.enter(source) == Admission::Verdict::kAdmitted);
  sockaddr_storage peer{};
  peer.ss_family = AF_INET;
  {
    Connection connection(1, sockets[0], peer, admission, source);
    REQUIRE(connection.startTls(contexts()));
    pollfd readable{sockets[0], POLLIN, 0};
    TlsStep step;
    while ((step = connection.handshake()) == TlsStep::kWait) REQUIRE(::poll(&readable, 1, 5000) == 1);
    client.join();
    REQUIRE(step == TlsStep::kDone);

    Bytes chunk(16384);
    size_t length = 0;
    int reads = 1;
    while ((step = connection.read(chunk, length)) == TlsStep::kWait && reads <= kUpdates) ++reads;
    CHECK(step == TlsStep::kDone);
    CHECK(length == 1);
    CHECK(reads == kUpdates + 1);
  }
  ::close(sockets[1]);
  CHECK(admission.enter(source) == Admission::Verdict::kAdmitted);
}
