// sanitizer: thread
// The thread of handshakes: real sockets on one side of it, workers' calls on the other.
#include "dtls_handshakes.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <doctest/doctest.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include "dtls_net.h"

using namespace postern;
using namespace postern::test;

namespace {

// A worker in miniature: one UDP socket on loopback, whose datagrams are greeted and handed on.
class Loopback final : DatagramSender {
 public:
  explicit Loopback(size_t tunnels) {
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    const timeval patience{0, 20'000};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (uint32_t i = 1; i <= tunnels; ++i) table.enter(pskCandidate(i, idOf(i)));
    REQUIRE(handshakes.start() == 0);
    worker_ = std::thread([this] { run(); });
  }
  ~Loopback() {
    stop_ = true;
    worker_.join();
    handshakes.stop();
    ::close(fd_);
  }
  static Bytes idOf(uint32_t i) {
    Bytes id(32, 0x51);
    store32(id.data(), i);
    return id;
  }
  std::unique_ptr<DtlsReady> takeReady(uint32_t tunnel) {
    std::unique_lock lock(mutex_);
    auto is = [&](const auto& r) { return r->tunnel == tunnel; };
    if (!came_.wait_for(lock, std::chrono::seconds(20), [&] { return std::any_of(ready_.begin(), ready_.end(), is); })) return nullptr;
    const auto found = std::find_if(ready_.begin(), ready_.end(), is);
    auto taken = std::move(*found);
    ready_.erase(found);
    return taken;
  }

  uint16_t port = 0;
  DtlsTable table;
  DtlsCookies cookies;
  DtlsHandshakes handshakes{{*this, [this](std::unique_ptr<DtlsReady> ready) {
                               std::lock_guard lock(mutex_);
                               ready_.push_back(std::move(ready));
                               came_.notify_all();
                             }, 1500, {}}};

 private:
  void send(const UdpPeer& to, ByteView datagram) noexcept override {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    std::memcpy(&address.sin_addr, to.address.data() + 12, 4);
    address.sin_port = htons(to.port);
    ::sendto(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  void run() {
    while (!stop_) {
      Bytes datagram(2048);
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t n = ::recvfrom(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (n < 0) continue;
      datagram.resize(static_cast<size_t>(n));
      UdpPeer peer;
      peer.address[10] = peer.address[11] = 0xff;
      std::memcpy(peer.address.data() + 12, &from.sin_addr, 4);
      peer.port = ntohs(from.sin_port);
      Greeting greeting = greet(datagram, peer, nowMs(), table, cookies);
      if (!greeting.answer.empty()) send(peer, greeting.answer);
      else if (greeting.candidate) handshakes.begin(peer, std::move(*greeting.candidate), std::move(datagram));
      else handshakes.datagram(peer, std::move(datagram));
    }
  }
  int fd_ = -1;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::unique_ptr<DtlsReady>> ready_;
  std::atomic<bool> stop_{false};
  std::thread worker_;
};

// The client's side over a socket of its own.
bool connectOver(DtlsClient& client, uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  const timeval patience{0, 50'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  auto out = client.step();
  const uint64_t end = nowMs() + 20'000;
  while (!client.done && !client.failed && nowMs() < end) {
    for (const Bytes& datagram : out) ::send(fd, datagram.data(), datagram.size(), 0);
    Bytes datagram(2048);
    const ssize_t n = ::recv(fd, datagram.data(), datagram.size(), 0);
    if (n > 0) datagram.resize(static_cast<size_t>(n));
    out = n > 0 ? client.step(datagram) : client.tick();
  }
  ::close(fd);
  return client.done;
}

std::string threadNamed(const std::string& name, const std::string& line) {
  DIR* tasks = ::opendir("/proc/self/task");
  std::string value;
  while (const dirent* task = ::readdir(tasks)) {
    std::ifstream status(std::string("/proc/self/task/") + task->d_name + "/status");
    std::string text, all;
    bool it = false;
    while (std::getline(status, text)) {
      it |= text == "Name:\t" + name;
      if (it && text.starts_with(line)) value = text.substr(line.size() + 1);
    }
  }
  ::closedir(tasks);
  return value;
}
}  // namespace

TEST_CASE("clients of many threads get their handshakes at once") {
  constexpr uint32_t kClients = 24;
  Loopback gateway(kClients);
  std::atomic<uint32_t> good{0};
  std::vector<std::thread> clients;
  for (uint32_t t = 0; t < 4; ++t) {
    clients.emplace_back([&, t] {
      for (uint32_t i = t + 1; i <= kClients; i += 4) {
        ClientConfig config;
        config.id = Loopback::idOf(i);
        config.timerUs = 500'000;
        DtlsClient client(config);
        if (!connectOver(client, gateway.port)) continue;
        auto ready = gateway.takeReady(i);
        if (!ready || !talks(*ready, client)) continue;
        gateway.handshakes.confirm(ready->association);
        if (i % 3 == 0) gateway.handshakes.forget(i);
        ++good;
      }
    });
  }
  for (auto& client : clients) client.join();
  CHECK(good == kClients);
  CHECK(gateway.handshakes.stats().get(Stat::dtlsHandshakes) == kClients);
  CHECK(gateway.handshakes.stats().get(Stat::dtlsHandshakesOpen) == 0);
}

TEST_CASE("the thread blocks all signals") {
  Loopback gateway(1);
  std::string blocked;
  for (int i = 0; i < 200 && blocked.empty(); ++i) {
    timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
    blocked = threadNamed("postern-dtls", "SigBlk:");
  }
  REQUIRE_FALSE(blocked.empty());
  CHECK(std::stoull(blocked, nullptr, 16) >= 0x7ffffffe7ffbfeff);  // all but those that nobody can block
}

TEST_CASE("a full queue turns datagrams away, and counts the handshakes among them") {
  SentDatagrams sender;
  DtlsHandshakes handshakes({sender, [](auto) {}, 1500, {}});
  // Not started: nobody takes.
  size_t taken = 0;
  while (taken <= DtlsHandshakes::kQueue && handshakes.datagram(peerAt(7, 1), Bytes(20, 1))) ++taken;
  CHECK(taken == DtlsHandshakes::kQueue);
  CHECK_FALSE(handshakes.begin(peerAt(7, 1), pskCandidate(7, Bytes(32, 1)), clientHello({})));
  handshakes.confirm(1);
  handshakes.forget(1);
  REQUIRE(handshakes.start() == 0);
  for (int i = 0; i < 400 && handshakes.stats().get(Stat::dtlsHandshakesRefused) == 0; ++i) {
    timespec pause{0, 5'000'000};
    nanosleep(&pause, nullptr);
  }
  CHECK(handshakes.stats().get(Stat::dtlsHandshakesRefused) == 1);
  CHECK(handshakes.datagram(peerAt(7, 1), Bytes(20, 1)));
  handshakes.stop();
  handshakes.stop();
  CHECK_FALSE(handshakes.datagram(peerAt(7, 1), Bytes(20, 1)));
  CHECK_FALSE(handshakes.begin(peerAt(7, 1), pskCandidate(7, Bytes(32, 1)), clientHello({})));
}

TEST_CASE("the queue is bounded in bytes too") {
  SentDatagrams sender;
  DtlsHandshakes handshakes({sender, [](auto) {}, 1500, {}});
  size_t taken = 0;
  while (taken < DtlsHandshakes::kQueue && handshakes.datagram(peerAt(7, 1), Bytes(60'000, 1))) ++taken;
  CHECK(taken == DtlsHandshakes::kQueueBytes / 60'000);
}

TEST_CASE("it ends with handshakes under way, while workers still call") {
  SentDatagrams sender;
  for (int round = 0; round < 5; ++round) {
    DtlsHandshakes handshakes({sender, [](auto) {}, 1500, {}});
    REQUIRE(handshakes.start() == 0);
    std::atomic<bool> over{false};
    std::thread worker([&] {
      for (uint16_t port = 1; !over; ++port) {
        HelloParts parts;
        parts.random[0] = static_cast<uint8_t>(port);
        handshakes.begin(peerAt(7, port), resumedCandidate(port, Bytes(32, 0x51), "AES256-GCM-SHA384"), clientHello(parts));
        handshakes.datagram(peerAt(7, port), Bytes(20, 1));
        handshakes.forget(port);
      }
    });
    timespec pause{0, 20'000'000};
    nanosleep(&pause, nullptr);
    handshakes.stop();
    over = true;
    worker.join();
  }
}
