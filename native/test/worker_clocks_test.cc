// The clocks of the two channels of a tunnel, each on its own; what a client may make us answer.
// sanitizer: thread
#include "dtls_vpn_client.h"
#include "tunnel.h"

using namespace postern;
using namespace postern::test;

namespace {

struct Clocked {
  Clocked(Gateway& gateway, uint8_t host, const TunnelSpec& given) : id(host) {
    TunnelSpec spec = given;
    spec.dtls = pskOffer(host);
    const TlsPair pair = connectTls();
    psk = exporterOf(pair.client);
    tls = gateway.connect(host, spec, pair);
    udp = std::make_unique<DtlsVpnClient>(id, psk);
    check(udp->connect(), "handshake");
    udp->send(cstp::kKeepalive, {});
    check(gateway.events.wait(EventType::kDtlsUp, host).has_value(), "dtlsUp");
  }
  uint8_t id;
  Bytes psk;
  std::unique_ptr<VpnClient> tls;
  std::unique_ptr<DtlsVpnClient> udp;
};

std::vector<Endpoint> loopback() { return {{"127.0.0.1", kDtlsPort}}; }
// How many frames of a type come within `ms` of silence.
size_t drain(DtlsVpnClient& udp, uint8_t type, int ms) {
  size_t n = 0;
  while (const auto frame = udp.receive(ms)) n += (*frame)[0] == type;
  return n;
}

}  // namespace

TEST_CASE("D01 what takes the DTLS channel is counted as a part of the whole") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Clocked one(gateway, 2, Gateway::spec(2));
  HostUdp host;
  const Bytes data(40);
  const auto up = [&](bool overTls) {
    const Bytes packet = udpPacket(2, host, data);
    if (overTls) one.tls->send(cstp::kData, packet);
    else one.udp->send(cstp::kData, packet);
    REQUIRE(host.receive());
  };
  const auto down = [&](bool overTls) {
    host.sendTo(2, 40000, data);
    REQUIRE((overTls ? one.tls->receive(cstp::kData).has_value() : one.udp->receive(cstp::kData).has_value()));
  };
  up(true);
  down(true);
  up(false);
  up(false);
  for (int i = 0; i < 3; ++i) down(false);
  Bytes foreign = udpPacket(3, host, data);
  one.udp->send(cstp::kData, foreign);
  one.udp->send(cstp::kDpdReq, {});
  REQUIRE(one.udp->receive(cstp::kDpdResp));
  const TunnelCounterWords words = gateway.counters(2);
  constexpr uint64_t kPacket = 68;
  const auto expect = [&](TunnelCounters::Word word, uint64_t value) { CHECK(words[word] == value); };
  expect(TunnelCounters::kRxPackets, 3);
  expect(TunnelCounters::kRxBytes, 3 * kPacket);
  expect(TunnelCounters::kTxPackets, 4);
  expect(TunnelCounters::kTxBytes, 4 * kPacket);
  expect(TunnelCounters::kRxSpoofed, 1);
  expect(TunnelCounters::kDtlsRxPackets, 2);
  expect(TunnelCounters::kDtlsRxBytes, 2 * kPacket);
  expect(TunnelCounters::kDtlsTxPackets, 3);
  expect(TunnelCounters::kDtlsTxBytes, 3 * kPacket);
}

TEST_CASE("D02 D06 each channel has its own clocks, and an answer counts where it came") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  TunnelSpec spec = Gateway::spec(2);
  spec.dtlsDpdSec = 2;
  spec.dtlsKeepaliveSec = 1;
  spec.dpdRetries = 2;
  Clocked one(gateway, 2, spec);
  // The TLS channel has no clocks here: whatever comes on it is a mistake. What the client says there does not keep DTLS alive.
  std::atomic<bool> over{false};
  std::thread talking([&] {
    while (!over) {
      one.tls->send(cstp::kDpdResp, {});
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  const auto down = gateway.events.wait(EventType::kDtlsDown, 2, 10'000);
  over = true;
  talking.join();
  REQUIRE(down);
  CHECK(down->arg == static_cast<uint32_t>(DtlsDownReason::kDpd));
  CHECK_FALSE(one.tls->readable(0));
  size_t probes = 0, keepalives = 0;
  while (const auto frame = one.udp->receive(50)) {
    probes += (*frame)[0] == cstp::kDpdReq;
    keepalives += (*frame)[0] == cstp::kKeepalive;
  }
  CHECK(probes == 2);
  CHECK(keepalives >= 1);
  CHECK_FALSE(gateway.downReason(2, 0));
  CHECK(gateway.stat(Stat::tunnelsOpen) == 1);
}

TEST_CASE("D02 a dead TLS channel ends the tunnel, however alive DTLS is") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  TunnelSpec spec = Gateway::spec(2);
  spec.dpdSec = 1;
  spec.dpdRetries = 1;
  Clocked one(gateway, 2, spec);
  std::atomic<bool> over{false};
  std::thread talking([&] {
    while (!over) {
      one.udp->send(cstp::kDpdResp, {});
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  const auto reason = gateway.downReason(2, 10'000);
  over = true;
  talking.join();
  CHECK(reason == TunnelDownReason::kDpd);
  CHECK(gateway.stat(Stat::dtlsOpen) == 0);
}

TEST_CASE("D02 no probe where the client speaks") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  TunnelSpec spec = Gateway::spec(2);
  spec.dpdSec = spec.dtlsDpdSec = 2;
  Clocked one(gateway, 2, spec);
  for (int i = 0; i < 8; ++i) {
    one.tls->send(cstp::kKeepalive, {});
    one.udp->send(cstp::kKeepalive, {});
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
  CHECK(gateway.stat(Stat::dpdSent) == 0);
}

TEST_CASE("a flood of DPD requests over DTLS: a second's answers are bounded, and nobody else waits") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Clocked hostile(gateway, 2, Gateway::spec(2)), other(gateway, 3, Gateway::spec(3));
  const auto before = std::chrono::steady_clock::now();
  constexpr size_t kFlood = 5000;
  for (size_t i = 0; i < kFlood; ++i) {
    // Several to a datagram: no more for them.
    Bytes datagram;
    for (int k = 0; k < 4; ++k) {
      const Bytes record = hostile.udp->record(cstp::kDpdReq, {});
      datagram.insert(datagram.end(), record.begin(), record.end());
    }
    hostile.udp->sendRaw(datagram);
    if (i % 500 == 0) {
      other.udp->send(cstp::kDpdReq, Bytes(100));
      REQUIRE(other.udp->receive(cstp::kDpdResp));
    }
  }
  const auto answers = drain(*hostile.udp, cstp::kDpdResp, 300);
  const auto seconds = static_cast<size_t>(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - before).count()) + 2;
  CHECK(gateway.stat(Stat::dpdReceived) > 3 * DtlsChannel::kAnswersPerSecond * seconds);
  CHECK(answers > 0);
  CHECK(answers <= DtlsChannel::kAnswersPerSecond * seconds);
  CHECK(gateway.stat(Stat::dtlsOpen) == 2);
}
