// What a path takes, as tunnels find it through real sockets and a real TUN device: the kernel's word, a black hole, the MSS.
// sanitizer: thread
#include <fcntl.h>

#include "dtls_vpn_client.h"

using namespace postern;
using namespace postern::test;

namespace {

constexpr int kLoopback = 1;
constexpr uint32_t kWide = 65536, kQueue = 1000;
constexpr size_t kLarge = 1380;  // an inner packet

void setLoopbackMtu(uint32_t mtu) {
  Netlink netlink;
  check(netlink.open() == 0 && netlink.configureLink(kLoopback, mtu, kQueue) == 0, "lo");
}
struct NarrowLoopback {
  explicit NarrowLoopback(uint32_t mtu) { setLoopbackMtu(mtu); }
  ~NarrowLoopback() { setLoopbackMtu(kWide); }
};

// A tunnel on DTLS.
struct Session {
  explicit Session(Gateway& gateway) {
    TunnelSpec spec = Gateway::spec(2);
    spec.dtls = pskOffer(2);
    const TlsPair pair = connectTls();
    const Bytes psk = exporterOf(pair.client);
    tls = gateway.connect(2, spec, pair);
    dtls = std::make_unique<DtlsVpnClient>(2, psk);
    check(dtls->connect(), "handshake");
    dtls->send(cstp::kDpdReq, {});
    check(dtls->receive(cstp::kDpdResp).has_value(), "answer");
  }
  std::unique_ptr<VpnClient> tls;
  std::unique_ptr<DtlsVpnClient> dtls;
};

Bytes synTo(uint8_t host, bool ipv6) {
  Flow f;
  f.ipv6 = ipv6;
  f.flags = 0x02;
  f.src = host;
  f.dstPort = 9;
  f.options = {1, 2, 4, 0x05, 0xb4, 1, 1, 1};  // 1,460, at an odd place
  return build(f, {});
}

}  // namespace

TEST_CASE("D12 the kernel refuses a record: its MTU is told, senders hear of it, TLS carries what does not fit") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, {{"127.0.0.1", kDtlsPort}});
  Session session(gateway);
  HostUdp host;
  host.sendTo(2, 40000, payload(kLarge - 28));
  REQUIRE(session.dtls->receive(cstp::kData));
  const NarrowLoopback narrow(1300);
  constexpr uint32_t kFits = 1300 - 28 - 37 - 1;
  host.sendTo(2, 40000, payload(kLarge - 28));  // nobody knew
  const auto told = gateway.events.wait(EventType::kPathMtu, 2);
  REQUIRE(told);
  CHECK(told->arg == kFits);
  CHECK(gateway.stat(Stat::mtuLowered) == 1);
  host.sendTo(2, 40000, payload(kLarge - 28));  // its sender does not know yet
  REQUIRE(session.tls->receive(cstp::kData));
  CHECK(gateway.stat(Stat::tooBig) == 1);
  host.sendTo(2, 40000, payload(kLarge - 28));  // now it does, and cuts it
  for (int i = 0; i < 2; ++i) {
    const auto fragment = session.dtls->receive(cstp::kData);
    REQUIRE(fragment);
    CHECK(fragment->size() - 1 <= kFits);
  }
  CHECK(gateway.stat(Stat::tooBig) == 1);
  // IPv6 is told 1,280 at least, which TLS carries.
  HostUdp host6(true);
  host6.sendTo(2, 40000, payload(kLarge - 48));
  REQUIRE(session.tls->receive(cstp::kData));
  CHECK(gateway.stat(Stat::tooBig) == 2);
  host6.sendTo(2, 40000, payload(kLarge - 48));
  const auto fragment = session.tls->receive(cstp::kData);
  REQUIRE(fragment);
  CHECK(fragment->payload.size() <= 1280);
  CHECK(fragment->payload.size() > kFits);
}

TEST_CASE("D12 large records are lost while small ones arrive: TLS carries the large ones, until a large one is answered") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, {{"127.0.0.1", kDtlsPort}});
  Session session(gateway);
  HostUdp host;
  bool lossy = true;
  size_t overDtls = 0, overTls = 0;
  // The client in its hole: what is large it never sees.
  const auto hear = [&] {
    host.sendTo(2, 40000, payload(kLarge - 28));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (auto frame = session.dtls->receive(50); frame; frame = session.dtls->receive(1)) {
      const bool lost = lossy && frame->size() > 700;
      if ((*frame)[0] == cstp::kDpdReq && !lost) session.dtls->send(cstp::kDpdResp, {});
      overDtls += (*frame)[0] == cstp::kData && !lost;
    }
    while (session.tls->readable(1)) {
      const auto frame = session.tls->receive();
      overTls += frame && frame->type == cstp::kData;
    }
  };
  for (int i = 0; i < 200 && overTls < 3; ++i) hear();
  REQUIRE(overTls >= 3);
  CHECK(overDtls == 0);
  CHECK(gateway.stat(Stat::mtuProbes) >= 1);
  CHECK(gateway.events.count(EventType::kPathMtu, 2) == 0);
  lossy = false;
  for (int i = 0; i < 200 && overDtls == 0; ++i) hear();
  CHECK(overDtls != 0);
}

TEST_CASE("D12 SYN both ways: the MSS is what the tunnel takes, the checksum of the device is completed first") {
  NEEDS_NETWORK();
  Gateway gateway;
  TunnelSpec spec = Gateway::spec(2);
  spec.mtu = 1300;
  auto client = gateway.connect(2, spec);
  for (const bool ipv6 : {false, true}) {
    const uint64_t before = gateway.stat(Stat::mssClamped);
    client->send(cstp::kData, synTo(2, ipv6));
    CHECK(gateway.waitStat(Stat::mssClamped, before + 1) == before + 1);
    REQUIRE(client->receive(cstp::kData));  // nobody listens: RST
    const int fd = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in6 to6{};
    to6.sin6_family = AF_INET6;
    to6.sin6_port = htons(9);
    to6.sin6_addr.s6_addr[0] = 0xfd;
    to6.sin6_addr.s6_addr[15] = 2;
    sockaddr_in to4{};
    to4.sin_family = AF_INET;
    to4.sin_port = htons(9);
    to4.sin_addr.s_addr = htonl(0x0a140002);
    ::connect(fd, ipv6 ? reinterpret_cast<sockaddr*>(&to6) : reinterpret_cast<sockaddr*>(&to4), ipv6 ? sizeof to6 : sizeof to4);
    const auto frame = client->receive(cstp::kData);
    ::close(fd);
    REQUIRE(frame);
    const Bytes& syn = frame->payload;
    const size_t l4 = ipv6 ? 40 : 20;
    CHECK(syn[l4 + 13] == 0x02);
    CHECK(get32(syn, l4 + 20) == (0x02040000u | (1300 - (ipv6 ? 60 : 40))));
    CHECK(fault(syn, l4, 6) == "");
    CHECK(gateway.stat(Stat::mssClamped) == before + 2);
  }
}
