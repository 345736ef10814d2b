// Real TCP through a tunnel, between two network namespaces: super-packets are cut and merged, and every byte arrives.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "gateway.h"
#include "ip_prefix.h"

using namespace postern;
using namespace postern::test;

namespace {

// The client's host: a namespace with a plain TUN device, and a thread that carries packets between it and the tunnel.
class ClientHost {
 public:
  // Runs in a thread of its own, because a namespace belongs to a thread; sockets made there stay there.
  explicit ClientHost(VpnClient& client) : client_(client) {
    std::thread([this] {
      check(::unshare(CLONE_NEWNET) == 0, "unshare");
      tun_ = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
      ifreq request{};
      request.ifr_flags = IFF_TUN | IFF_NO_PI;
      std::strcpy(request.ifr_name, "client");
      check(::ioctl(tun_, TUNSETIFF, &request) == 0, "client tun");
      const int index = static_cast<int>(::if_nametoindex("client"));
      Netlink netlink;
      check(netlink.open() == 0 && netlink.configureLink(index, 1400, 500) == 0 && netlink.bringUp(index) == 0, "client link");
      for (const char* text : {"10.20.0.2/24", "fd00::2/64"}) {
        IpPrefix prefix;
        check(parsePrefix(text, prefix) && netlink.addAddress(index, prefix) == 0, "client address");
      }
      IpPrefix route;
      check(parsePrefix("10.0.0.0/24", route) && netlink.addRoute(index, route) == 0, "client route");
      sockets_[0] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockets_[1] = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }).join();
    carrier_ = std::thread([this] { carry(); });
  }
  ~ClientHost() {
    stop_ = true;
    carrier_.join();
    ::close(tun_);
    for (const int fd : sockets_) ::close(fd);
  }
  int socket(bool ipv6) const { return sockets_[ipv6]; }

 private:
  void carry() {
    ::fcntl(tun_, F_SETFL, O_NONBLOCK);
    Bytes packet(2000);
    while (!stop_) {
      pollfd fds[2] = {{tun_, POLLIN, 0}, {client_.fd(), POLLIN, 0}};
      ::poll(fds, 2, 20);
      for (int i = 0; i < 64; ++i) {
        const ssize_t n = ::read(tun_, packet.data(), packet.size());
        if (n <= 0) break;
        client_.send(cstp::kData, ByteView(packet).first(static_cast<size_t>(n)));
      }
      for (int i = 0; i < 64 && client_.readable(0); ++i) {
        const auto frame = client_.receive();
        if (!frame) return;
        if (frame->type == cstp::kData && ::write(tun_, frame->payload.data(), frame->payload.size()) < 0) return;
      }
    }
  }
  VpnClient& client_;
  int tun_ = -1;
  int sockets_[2] = {-1, -1};
  std::atomic<bool> stop_{false};
  std::thread carrier_;
};

struct TcpPair {
  int client, host;
};

TcpPair connectThrough(const ClientHost& clientHost, bool ipv6) {
  sockaddr_storage address{};
  if (ipv6) {
    auto& a = reinterpret_cast<sockaddr_in6&>(address);
    a.sin6_family = AF_INET6;
    a.sin6_addr.s6_addr[0] = 0xfd;
    a.sin6_addr.s6_addr[15] = 1;
  } else {
    auto& a = reinterpret_cast<sockaddr_in&>(address);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(0x0a000001);
  }
  const int listener = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t size = sizeof address;
  check(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener, 1) == 0, "listen");
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int client = clientHost.socket(ipv6);
  check(::connect(client, reinterpret_cast<sockaddr*>(&address), size) == 0, "connect through the tunnel");
  const int host = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ::close(listener);
  return {client, host};
}

void transfer(int from, int to, size_t bytes) {
  std::thread sender([&] {
    Bytes data(65536);
    for (size_t at = 0; at < bytes;) {
      for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>((at + i) * 2654435761u >> 24);
      const ssize_t n = ::send(from, data.data(), std::min(data.size(), bytes - at), MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<size_t>(n);
    }
  });
  const timeval patience{20, 0};
  ::setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  Bytes data(65536);
  size_t at = 0, wrong = 0;
  while (at < bytes) {
    const ssize_t n = ::recv(to, data.data(), data.size(), 0);
    if (n <= 0) break;
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) wrong += data[i] != static_cast<uint8_t>((at + i) * 2654435761u >> 24);
    at += static_cast<size_t>(n);
  }
  CHECK(at == bytes);
  CHECK(wrong == 0);
  if (at < bytes) ::shutdown(from, SHUT_RDWR);
  sender.join();
}

}  // namespace

TEST_CASE("TCP both ways, both families: every byte, few reads and few writes of the device") {
  NEEDS_NETWORK();
  constexpr size_t kBytes = 16 << 20;
  Gateway gateway;
  auto client = gateway.connect(2);
  ClientHost clientHost(*client);
  for (const bool ipv6 : {false, true}) {
    const TcpPair tcp = connectThrough(clientHost, ipv6);
    const uint64_t reads = gateway.stat(Stat::tunReads), cut = gateway.stat(Stat::tunRxPackets);
    const uint64_t sends = gateway.stat(Stat::tlsWrites);
    transfer(tcp.host, tcp.client, kBytes);
    const uint64_t packets = gateway.stat(Stat::tunRxPackets) - cut;
    CHECK(packets > kBytes / 1400);
    CHECK(packets > 4 * (gateway.stat(Stat::tunReads) - reads));
    CHECK(packets > 4 * (gateway.stat(Stat::tlsWrites) - sends));

    const uint64_t writes = gateway.stat(Stat::tunWrites), merged = gateway.stat(Stat::tunTxPackets);
    transfer(tcp.client, tcp.host, kBytes);
    CHECK(gateway.stat(Stat::tunTxPackets) - merged > kBytes / 1400);
    CHECK(gateway.stat(Stat::tunTxPackets) - merged > gateway.stat(Stat::tunWrites) - writes);
    ::close(tcp.host);
  }
  CHECK(gateway.stat(Stat::tunWriteErrors) == 0);
  CHECK(gateway.stat(Stat::rxSpoofed) == 0);
  CHECK(gateway.stat(Stat::cstpFrameErrors) == 0);
  MESSAGE("packets per TUN read ", gateway.stat(Stat::tunRxPackets) / gateway.stat(Stat::tunReads), ", per TUN write ",
          gateway.stat(Stat::tunTxPackets) / gateway.stat(Stat::tunWrites), ", pauses ", gateway.stat(Stat::moderationPauses),
          ", dropped ", gateway.stat(Stat::txDropped));
}
