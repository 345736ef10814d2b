// Other people's clients: s_client of OpenSSL, gnutls-cli. What is not installed is passed over.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "dtls_loopback.h"

using namespace postern;
using namespace postern::test;

namespace {
const Bytes kId(32, 0x51);
const std::string kKey = "4242424242424242424242424242424242424242424242424242424242424242";

bool installed(const char* program) {
  for (const char* folder : {"/usr/bin/", "/usr/local/bin/", "/bin/"}) {
    if (::access((std::string(folder) + program).c_str(), X_OK) == 0) return true;
  }
  MESSAGE(program << " is not installed");
  return false;
}

// A client that reads lines to send and writes what it receives.
class Program {
 public:
  explicit Program(std::vector<std::string> words) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::dup2(out[1], 2);
      ::unsetenv("LD_PRELOAD");
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  ~Program() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(in_);
    ::close(out_);
  }
  void write(const std::string& line) { [[maybe_unused]] const ssize_t n = ::write(in_, line.data(), line.size()); }
  bool prints(const std::string& wanted) {
    const uint64_t end = nowMs() + 20'000;
    while (printed_.find(wanted) == std::string::npos) {
      pollfd ready{out_, POLLIN, 0};
      char bytes[4096];
      if (nowMs() > end || ::poll(&ready, 1, 20'000) != 1) return false;
      const ssize_t n = ::read(out_, bytes, sizeof bytes);
      if (n <= 0) return false;
      printed_.append(bytes, static_cast<size_t>(n));
    }
    return true;
  }

 private:
  std::string printed_;
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
};

struct Session {
  std::filesystem::path path;
  Session(const char* cipher, const Bytes& master) {
    SSL_CTX* ctx = SSL_CTX_new(DTLS_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_ciphersuites(ctx, "");
    SSL_CTX_set_cipher_list(ctx, cipher);
    SSL_SESSION* session = SSL_SESSION_new();
    SSL_SESSION_set_protocol_version(session, DTLS1_2_VERSION);
    SSL_SESSION_set_cipher(session, sk_SSL_CIPHER_value(SSL_CTX_get_ciphers(ctx), 0));
    SSL_SESSION_set1_master_key(session, master.data(), master.size());
    SSL_SESSION_set1_id(session, kId.data(), static_cast<unsigned>(kId.size()));
    SSL_SESSION_set_time(session, std::time(nullptr));
    SSL_SESSION_set_timeout(session, 3600);
    char name[] = "/tmp/pt-dtls-session-XXXXXX";
    const int fd = ::mkstemp(name);
    path = name;
    FILE* file = ::fdopen(fd, "w");
    PEM_write_SSL_SESSION(file, session);
    ::fclose(file);
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
  }
  ~Session() { std::filesystem::remove(path); }
};

std::string opened(DtlsReady& ready, Bytes datagram) {
  ByteSpan plain;
  DtlsContent type{};
  if (datagram.empty() || ready.protection->open(datagram, plain, type) != DtlsProtection::Opened::kData) return "";
  return {plain.begin(), plain.end()};
}

void exchangeLines(Loopback& gateway, Program& client, const std::string& cipher = "PSK-AES256-GCM-SHA384") {
  auto ready = gateway.takeReady(7);
  REQUIRE(ready);
  CHECK(ready->cipher == cipher);
  client.write("from the client\n");
  const Bytes data = ready->early.empty() ? gateway.takeLate() : ready->early[0];
  CHECK(opened(*ready, data) == "from the client\n");
  gateway.handshakes.confirm(ready->association);
  const std::string line = "from the gateway\n";
  Bytes record(line.size() + ready->protection->overhead());
  std::memcpy(record.data() + ready->protection->prefix(), line.data(), line.size());
  const size_t length = ready->protection->seal(record.data(), DtlsContent::kData, line.size());
  REQUIRE(length > 0);
  gateway.send(ready->peer, ByteView(record).first(length));
  CHECK(client.prints(line));
}

Program sClient(uint16_t port, const std::string& cipher, const Session& session) {
  return Program({"openssl", "s_client", "-dtls1_2", "-connect", "127.0.0.1:" + std::to_string(port), "-psk_identity", "psk", "-psk", kKey, "-cipher",
                  cipher + ":@SECLEVEL=0", "-sess_in", session.path.string(), "-quiet"});
}
Program gnutlsCli(uint16_t port, const std::string& cipher) {
  return Program({"gnutls-cli", "--udp", "--port", std::to_string(port), "--priority", "NONE:+VERS-DTLS1.2:+" + cipher + ":+AEAD:+PSK:+SIGN-ALL:+GROUP-ALL",
                  "--pskusername", "psk", "--pskkey", kKey, "127.0.0.1"});
}
// Of ours, only the last flight of a PSK handshake begins so.
bool lastFlight(ByteView datagram) { return datagram[0] == 20; }
}  // namespace

TEST_CASE("G11 s_client with every PSK suite") {
  if (!installed("openssl")) return;
  for (const char* cipher : {"PSK-AES256-GCM-SHA384", "PSK-AES128-GCM-SHA256", "PSK-CHACHA20-POLY1305"}) {
    CAPTURE(cipher);
    Loopback gateway;
    gateway.table.enter(pskCandidate(7, kId, cipher));
    gateway.start();
    const Session session(cipher, Bytes(48, 1));
    Program client = sClient(gateway.port, cipher, session);
    exchangeLines(gateway, client, cipher);
  }
}

TEST_CASE("G12 s_client resumes") {
  if (!installed("openssl")) return;
  for (const char* cipher : {"ECDHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "DHE-RSA-AES256-SHA", "AES128-SHA"}) {
    CAPTURE(cipher);
    Loopback gateway;
    gateway.table.enter(resumedCandidate(7, kId, cipher));
    gateway.start();
    const Session session(cipher, Bytes(48, 0x42));
    Program client = sClient(gateway.port, cipher, session);
    exchangeLines(gateway, client, cipher);
  }
}

TEST_CASE("G11 gnutls-cli with every PSK suite") {
  if (!installed("gnutls-cli")) return;
  for (const auto& names : {std::pair{"AES-256-GCM", "PSK-AES256-GCM-SHA384"}, {"AES-128-GCM", "PSK-AES128-GCM-SHA256"},
                            {"CHACHA20-POLY1305", "PSK-CHACHA20-POLY1305"}}) {
    const auto [theirs, ours] = names;
    CAPTURE(names.first);
    Loopback gateway;
    gateway.anybody = pskCandidate(7, kId, "PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256:PSK-CHACHA20-POLY1305");
    gateway.start();
    Program client = gnutlsCli(gateway.port, theirs);
    exchangeLines(gateway, client, ours);
  }
}

TEST_CASE("our last flight is lost: both clients repeat theirs and get it again") {
  for (const bool gnutls : {false, true}) {
    if (!installed(gnutls ? "gnutls-cli" : "openssl")) continue;
    CAPTURE(gnutls);
    Loopback gateway;
    std::atomic<int> lost{0};
    gateway.loses = [&](size_t, ByteView datagram) { return lastFlight(datagram) && lost++ < 2; };
    if (gnutls) gateway.anybody = pskCandidate(7, kId);
    else gateway.table.enter(pskCandidate(7, kId));
    gateway.start();
    const Session session("PSK-AES256-GCM-SHA384", Bytes(48, 1));
    Program client = gnutls ? gnutlsCli(gateway.port, "AES-256-GCM") : sClient(gateway.port, "PSK-AES256-GCM-SHA384", session);
    exchangeLines(gateway, client);
    CHECK(lost >= 3);
  }
}

TEST_CASE("any one of our datagrams is lost with gnutls-cli") {
  if (!installed("gnutls-cli")) return;
  for (const size_t gone : {1, 2, 3}) {
    CAPTURE(gone);
    Loopback gateway;
    gateway.loses = [&](size_t n, ByteView) { return n == gone; };
    gateway.anybody = pskCandidate(7, kId);
    gateway.start();
    Program client = gnutlsCli(gateway.port, "AES-256-GCM");
    exchangeLines(gateway, client);
  }
}
