// Runs of records that leave in one call, and what happens when the kernel refuses them.
#include "udp_output.h"

#include <doctest/doctest.h>

#include "cstp.h"
#include "dtls_ends.h"
#include "packets.h"
#include "tls_pair.h"
#include "tunnel.h"

using namespace postern;
using namespace postern::test;

namespace {

struct Rig {
  Rig() {
    OpError error;
    check(sockets.emplace_back().open({"127.0.0.1", 0}, 0, true, error), error.message.c_str());
    check(sockets[0].segments, "UDP_SEGMENT");
    for (const uint16_t port : {1000, 2000}) {
      const TlsPair pair = connectTls();
      clientSsl.push_back(pair.client);
      clientFds.push_back(pair.clientFd);
      auto& tunnel = tunnels.emplace_back(std::make_unique<Tunnel>(port, TunnelSpec{}, pair.serverFd, pair.server, tls, 0));
      DtlsReady ready = dtlsReady(port, port, nullptr);
      tunnel->dtls = std::make_unique<DtlsChannel>(*tunnel, ready, endings, changes, 0);
    }
  }
  ~Rig() {
    for (SSL* ssl : clientSsl) SSL_free(ssl);
    for (const int fd : clientFds) ::close(fd);
  }
  DtlsChannel& channel(size_t i = 0) { return *tunnels[i]->dtls; }
  void packet(size_t length, size_t to = 0) { output.send(channel(to), cstp::kData, payload(length), 1); }
  uint64_t word(TunnelCounters::Word w, size_t i = 0) { return tunnels[i]->counters.read(0)[w]; }

  StatBlock stats;
  TlsOutput tls{stats};
  FakeKernel kernel;
  UdpSockets sockets;
  UdpOutput output{sockets, kernel, stats};
  std::vector<DtlsChannel*> endings, changes;
  std::vector<std::unique_ptr<Tunnel>> tunnels;
  std::vector<SSL*> clientSsl;
  std::vector<int> clientFds;
};
constexpr size_t kOverhead = 13 + 8 + 16 + 1;

}  // namespace

TEST_CASE("equal records of one peer leave together, a shorter one ends the run, a longer one begins the next") {
  Rig rig;
  for (const size_t length : {500, 500, 500, 200, 200, 300}) rig.packet(length);
  rig.packet(300, 1);
  rig.packet(300);
  CHECK(rig.kernel.sent.size() == 4);
  rig.output.flush();
  REQUIRE(rig.kernel.sent.size() == 5);
  const auto& sent = rig.kernel.sent;
  CHECK(sent[0].segment == 500 + kOverhead);
  CHECK(sent[0].bytes.size() == 3 * (500 + kOverhead) + 200 + kOverhead);
  CHECK(sent[1].segment == 0);  // 200: the shorter one before it closed its run, the longer one behind it begins another
  CHECK(sent[2].segment == 0);
  CHECK(sent[2].bytes.size() == 300 + kOverhead);
  CHECK(sent[3].port == 2000);
  CHECK(sent[4].port == 1000);
  rig.output.flush();
  CHECK(sent.size() == 5);

  // Every record opens, in order.
  DtlsEnd client;
  const size_t lengths[] = {500, 500, 500, 200, 200, 300, 300};
  size_t n = 0;
  for (const auto& s : sent) {
    if (s.port != 1000) continue;
    for (const Bytes& datagram : s.datagrams()) {
      Bytes expected = payload(lengths[n++]);
      expected.insert(expected.begin(), 0);
      CHECK(client.open(datagram) == expected);
    }
  }
  CHECK(n == 7);
  CHECK(rig.word(TunnelCounters::kTxPackets) == 7);
  CHECK(rig.word(TunnelCounters::kTxBytes) == 2500);
  CHECK(rig.stats.get(Stat::udpWrites) == 5);
  CHECK(rig.stats.get(Stat::udpTxDatagrams) == 8);
  CHECK(rig.stats.get(Stat::dtlsTxRecords) == 8);
}

TEST_CASE("a run has at most 64 records and 65,507 bytes") {
  Rig rig;
  for (int i = 0; i < 130; ++i) rig.packet(100);
  rig.output.flush();
  REQUIRE(rig.kernel.sent.size() == 3);
  CHECK(rig.kernel.sent[0].bytes.size() == 64 * (100 + kOverhead));
  CHECK(rig.kernel.sent[2].bytes.size() == 2 * (100 + kOverhead));
  rig.kernel.sent.clear();
  for (int i = 0; i < 100; ++i) rig.packet(1400);
  rig.output.flush();
  size_t datagrams = 0;
  DtlsEnd client;
  for (const auto& s : rig.kernel.sent) {
    CHECK(s.bytes.size() <= 65507);
    for (const Bytes& datagram : s.datagrams()) {
      CHECK(client.open(datagram).size() == 1401);
      ++datagrams;
    }
  }
  CHECK(datagrams == 100);
  CHECK(rig.kernel.sent.size() == 3);
  // The longest that a record holds.
  rig.packet(16384 - 1);
  rig.packet(16384 - 1);
  rig.output.flush();
  CHECK(client.open(rig.kernel.sent.back().datagrams()[1]).size() == 16384);
}

TEST_CASE("probes and answers share the run, and are not counted as packets") {
  Rig rig;
  rig.packet(500);
  rig.output.send(rig.channel(), cstp::kDpdResp, payload(500), 1);
  rig.output.flush();
  REQUIRE(rig.kernel.sent.size() == 1);
  CHECK(rig.word(TunnelCounters::kTxPackets) == 1);
  CHECK(rig.word(TunnelCounters::kTxBytes) == 500);
  CHECK(rig.stats.get(Stat::udpTxDatagrams) == 2);
}

TEST_CASE("EIO of a run: all of it goes singly, and so does everything later") {
  Rig rig;
  rig.kernel.runCode = EIO;
  for (const size_t length : {500, 500, 200}) rig.packet(length);
  rig.output.flush();
  CHECK_FALSE(rig.sockets[0].segments);
  CHECK(rig.kernel.sent.size() == 3);
  CHECK(rig.kernel.calls == 4);
  for (int i = 0; i < 3; ++i) rig.packet(500);
  rig.output.flush();
  CHECK(rig.kernel.sent.size() == 6);
  CHECK(rig.kernel.calls == 7);
  DtlsEnd client;
  for (const auto& s : rig.kernel.sent) CHECK_FALSE(client.open(s.bytes).empty());
  CHECK(rig.word(TunnelCounters::kTxPackets) == 6);
  CHECK(rig.word(TunnelCounters::kTxDropped) == 0);
}

TEST_CASE("D12 EMSGSIZE: the long are lost, the short arrive, and the path has the MTU that the kernel knows, or less than what was lost") {
  struct Case {
    size_t path;
    uint16_t mtu;
  };
  for (const Case& c : {Case{1028, 962}, Case{0, 1199}, Case{9000, 1199}, Case{60, 1199}}) {
    Rig rig;
    rig.kernel.longest = 1000;
    rig.kernel.path = c.path;
    for (const size_t length : {1200, 1200, 300}) rig.packet(length);
    rig.output.flush();
    REQUIRE(rig.kernel.sent.size() == 1);
    CHECK(rig.kernel.sent[0].bytes.size() == 300 + kOverhead);
    CHECK(rig.word(TunnelCounters::kTxPackets) == 1);
    CHECK(rig.word(TunnelCounters::kTxDropped) == 2);
    CHECK(rig.stats.get(Stat::txDropped) == 2);
    CHECK(rig.kernel.calls == 3);  // the run, the first of it, the short one
    const PathMtu& path = rig.tunnels[0]->path;
    CHECK(path.mtu() == c.mtu);
    CHECK(path.carries(c.mtu));
    CHECK_FALSE(path.carries(c.mtu + 1));
    CHECK(rig.changes == std::vector<DtlsChannel*>{&rig.channel()});
    CHECK(rig.sockets[0].segments);
    CHECK_FALSE(rig.channel().ended);
  }
}

TEST_CASE("D12 a forged ICMP message lowers what senders hear to 576 and no further, IPv6 to 1,280") {
  Rig rig;
  rig.kernel.longest = 524;
  rig.kernel.path = 552;  // the least that Linux believes
  rig.packet(1300);
  rig.output.flush();
  const Tunnel& tunnel = *rig.tunnels[0];
  CHECK(tunnel.pathMtu(4) == 576);
  CHECK(tunnel.pathMtu(6) == 1280);
  CHECK_FALSE(tunnel.path.carries(524 - kOverhead + 1));
  CHECK(tunnel.path.carries(524 - kOverhead));
}

TEST_CASE("D11 a channel whose keys are worn makes way, once, and loses nothing that was sent") {
  Rig rig;
  rig.channel().protection->setKeyBlocks(100);
  for (int i = 0; i < 5; ++i) rig.packet(500);
  rig.output.flush();
  CHECK(rig.channel().retiring);
  CHECK_FALSE(rig.channel().ended);
  CHECK(rig.endings == std::vector<DtlsChannel*>{&rig.channel()});
  CHECK(rig.kernel.sent.size() == 1);
  CHECK(rig.word(TunnelCounters::kTxPackets) == 5);
}

TEST_CASE("a full socket loses the run and nothing else") {
  for (const int code : {EAGAIN, ENOBUFS, ECONNREFUSED}) {
    Rig rig;
    for (int round = 0; round < 100; ++round) {
      rig.kernel.code = code;
      for (int i = 0; i < 3; ++i) rig.packet(500);
      rig.output.flush();
    }
    CHECK(rig.kernel.calls == 100);
    CHECK(rig.word(TunnelCounters::kTxDropped) == 300);
    CHECK(rig.stats.get(Stat::udpWriteErrors) == 100);
    CHECK_FALSE(rig.channel().ended);
    rig.kernel.code = 0;
    rig.packet(500);
    rig.output.flush();
    CHECK(rig.kernel.sent.size() == 1);
    CHECK(rig.word(TunnelCounters::kTxPackets) == 1);
  }
}

TEST_CASE("a network that refuses everything ends the channel, one that refuses now and then does not") {
  Rig rig;
  for (int i = 0; i < 100; ++i) {
    rig.kernel.code = i % 8 != 0 ? EHOSTUNREACH : 0;
    rig.packet(500);
    rig.output.flush();
  }
  CHECK_FALSE(rig.channel().ended);
  rig.kernel.code = EPERM;
  for (int i = 0; i < 30; ++i) {
    rig.packet(500);
    rig.output.flush();
  }
  REQUIRE(rig.endings.size() == 1);
  CHECK(rig.endings[0] == &rig.channel());
  CHECK(rig.channel().ended == DtlsDownReason::kUnreachable);
}
