// A worker in miniature: one UDP socket on loopback whose datagrams are greeted and handed to the thread of handshakes.
#pragma once
#include <arpa/inet.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "dtls_net.h"

namespace postern::test {

class Loopback final : DatagramSender {
 public:
  // Which of the datagrams to the client are lost, counted from 1.
  std::function<bool(size_t n, ByteView datagram)> loses = [](size_t, ByteView) { return false; };
  // Whose handshake it is when the client has no session_id to say so.
  std::optional<DtlsCandidate> anybody;

  void start() {
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    check(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    const timeval patience{0, 20'000};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    check(handshakes.start() == 0, "start");
    worker_ = std::thread([this] { run(); });
  }
  ~Loopback() {
    stop_ = true;
    if (worker_.joinable()) worker_.join();
    handshakes.stop();
    ::close(fd_);
  }
  std::unique_ptr<DtlsReady> takeReady(uint32_t tunnel) {
    std::unique_lock lock(mutex_);
    auto is = [&](const auto& r) { return r->tunnel == tunnel; };
    if (!came_.wait_for(lock, kPatience, [&] { return std::any_of(ready_.begin(), ready_.end(), is); })) return nullptr;
    const auto found = std::find_if(ready_.begin(), ready_.end(), is);
    auto taken = std::move(*found);
    ready_.erase(found);
    return taken;
  }
  // Application data that came after DtlsReady; empty when none comes.
  Bytes takeLate() {
    std::unique_lock lock(mutex_);
    if (!came_.wait_for(lock, kPatience, [&] { return !late_.empty(); })) return {};
    Bytes taken = std::move(late_.front().datagram);
    late_.erase(late_.begin());
    return taken;
  }
  void send(const UdpPeer& to, ByteView datagram) noexcept override {
    if (loses(++sent_, datagram)) return;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    std::memcpy(&address.sin_addr, to.address.data() + 12, 4);
    address.sin_port = htons(to.port);
    ::sendto(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }

  uint16_t port = 0;
  DtlsTable table;
  DtlsCookies cookies;
  DtlsHandshakes handshakes{{*this, [this](std::unique_ptr<DtlsReady> ready) { put(ready_, std::move(ready)); }, 1500,
                             [this](DtlsLate&& late) { put(late_, std::move(late)); }}};

 private:
  static constexpr std::chrono::seconds kPatience{20};
  static void check(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(what);
  }
  template <typename T>
  void put(std::vector<T>& into, T&& what) {
    std::lock_guard lock(mutex_);
    into.push_back(std::move(what));
    came_.notify_all();
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
      receive(peer, std::move(datagram));
    }
  }
  void receive(const UdpPeer& peer, Bytes datagram) {
    Greeting greeting = greet(datagram, peer, nowMs(), table, cookies);
    ClientHello hello;
    if (anybody && parseClientHello(datagram, hello)) {
      if (cookies.check(peer, hello, nowMs())) greeting.candidate = anybody;
      else greeting.answer = helloVerifyRequest(hello, cookies.make(peer, hello, nowMs()));
    }
    if (!greeting.answer.empty()) send(peer, greeting.answer);
    else if (greeting.candidate) handshakes.begin(peer, std::move(*greeting.candidate), std::move(datagram));
    else handshakes.datagram(peer, std::move(datagram));
  }

  int fd_ = -1;
  std::atomic<size_t> sent_{0};
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::unique_ptr<DtlsReady>> ready_;
  std::vector<DtlsLate> late_;
  std::atomic<bool> stop_{false};
  std::thread worker_;
};

}  // namespace postern::test
