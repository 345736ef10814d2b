// sanitizer: thread
// The thread of handshakes: real sockets on one side of it, workers' calls on the other.
#include "dtls_handshakes.h"

#include <dirent.h>
#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "dtls_loopback.h"

using namespace postern;
using namespace postern::test;

namespace {

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

Bytes idOf(uint32_t i) {
  Bytes id(32, 0x51);
  store32(id.data(), i);
  return id;
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
  Loopback gateway;
  for (uint32_t i = 1; i <= kClients; ++i) gateway.table.enter(pskCandidate(i, idOf(i)));
  gateway.start();
  std::atomic<uint32_t> good{0};
  std::vector<std::thread> clients;
  for (uint32_t t = 0; t < 4; ++t) {
    clients.emplace_back([&, t] {
      for (uint32_t i = t + 1; i <= kClients; i += 4) {
        ClientConfig config;
        config.id = idOf(i);
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
  Loopback gateway;
  gateway.start();
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
