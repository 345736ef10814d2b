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
    probes += (*frame)[0] == cstp::kDpdReq && frame->size() == 1;  // larger ones measure the path
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

TEST_CASE("a silence that the path survives is told, one that it does not when the client is heard again") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  TunnelSpec spec = Gateway::spec(2);
  spec.dpdSec = 60;
  spec.dtlsDpdSec = 2;
  spec.learning = true;
  Clocked lost(gateway, 2, spec);
  const TunnelSpec other = [&] {
    TunnelSpec s = Gateway::spec(3);
    s.dpdSec = 60;
    s.dtlsDpdSec = 2;
    s.learning = true;
    return s;
  }();
  Clocked survives(gateway, 3, other);
  for (int i = 0; i < 3; ++i) {
    const auto probe = survives.udp->receive(cstp::kDpdReq, 4000);
    REQUIRE(probe);
    survives.udp->send(cstp::kDpdResp, ByteView(*probe).subspan(1));
  }
  const auto survived = gateway.events.wait(EventType::kSilence, 3);
  REQUIRE(survived);
  const auto inTime = [](uint32_t arg) { return arg / 2 >= 2 && arg / 2 <= 3; };
  CHECK(survived->arg % 2 == 1);
  CHECK(inTime(survived->arg));
  // The other has heard nothing: as if its NAT had forgotten it. Its packets take TLS, and it is not given up.
  for (uint32_t probes = 0; probes < SilenceTrial::kProbes;) {
    const auto probe = lost.udp->receive(cstp::kDpdReq, 4500);
    REQUIRE(probe);
    probes += probe->size() == 1;  // larger ones measure the path
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(4500));
  HostUdp host;
  host.sendTo(2, 40000, Bytes(10));
  CHECK(lost.tls->receive(cstp::kData));
  CHECK(gateway.events.count(EventType::kSilence, 2) == 0);
  CHECK(gateway.events.count(EventType::kDtlsDown, 2) == 0);
  lost.udp->send(cstp::kKeepalive, {});
  const auto told = gateway.events.wait(EventType::kSilence, 2);
  REQUIRE(told);
  CHECK(told->arg % 2 == 0);
  CHECK(inTime(told->arg));
  while (lost.udp->receive(50)) {}
  host.sendTo(2, 40000, Bytes(10));
  CHECK(lost.udp->receive(cstp::kData));
}

TEST_CASE("an update that gives no secret keeps the offer it has, and the channel") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  TunnelSpec spec = Gateway::spec(2);
  auto offer = std::make_shared<DtlsOffer>();
  offer->mode = DtlsOffer::Mode::kResumed;
  offer->id = Bytes(32, 2);
  offer->masterSecret = Bytes(48, 9);
  offer->ciphers = "ECDHE-RSA-AES256-GCM-SHA384";
  offer->helloVerify = false;
  spec.dtls = offer;
  auto tls = gateway.connect(2, spec);
  auto bare = std::make_shared<DtlsOffer>(*offer);
  bare->masterSecret.clear();
  spec.dtls = bare;
  spec.dtlsKeepaliveSec = 1;
  const auto connected = [&] {
    auto udp = std::make_unique<DtlsVpnClient>(uint8_t{2}, Bytes(48, 9), "127.0.0.1", "ECDHE-RSA-AES256-GCM-SHA384");
    return udp->connect() ? std::move(udp) : nullptr;
  };
  const auto before = connected();
  REQUIRE(before);
  before->send(cstp::kDpdReq, {});
  REQUIRE(before->receive(cstp::kDpdResp));
  gateway.pool->update(2, spec);
  CHECK(before->receive(cstp::kKeepalive, 4000));
  CHECK(gateway.events.count(EventType::kDtlsDown, 2) == 0);
  const auto after = connected();
  REQUIRE(after);
  after->send(cstp::kDpdReq, {});
  CHECK(after->receive(cstp::kDpdResp));
}
