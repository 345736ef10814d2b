// Tunnels with a DTLS channel through real sockets and a real TUN device: handshake, both ways, change of channel,
// the ends of a channel and of a tunnel.
// sanitizer: thread
#include "dtls_session.h"

using namespace postern;
using namespace postern::test;

TEST_CASE("G11 a client moves to DTLS: packets go both ways, both families, and are counted once") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session session(gateway, 2, 2);
  auto client = session.udp();
  REQUIRE(client->connect());
  CHECK(gateway.events.count(EventType::kDtlsUp, 2) == 0);  // the gateway has not heard a record of it
  for (const bool ipv6 : {false, true}) {
    HostUdp host(ipv6);
    client->send(cstp::kData, udpPacket(2, host, text("up"), ipv6));
    CHECK(host.receive() == text("up"));
    host.sendTo(2, 40000, text("down"));
    const auto frame = client->receive();
    REQUIRE(frame);
    CHECK(payloadOf(*frame, ipv6 ? 48 : 28) == text("down"));
  }
  const auto up = gateway.events.wait(EventType::kDtlsUp, 2);
  REQUIRE(up);
  CHECK(std::string(up->payload.begin(), up->payload.end()) == "PSK-AES256-GCM-SHA384");
  const TunnelCounterWords words = gateway.counters(2);
  CHECK(words[0] == 2);
  CHECK(words[1] == 30 + 50);
  CHECK(words[2] == 2);
  CHECK(words[3] == 32 + 52);
  CHECK(gateway.stat(Stat::dtlsOpen) == 1);
  CHECK(gateway.stat(Stat::dtlsHandshakes) == 1);
  CHECK(gateway.stat(Stat::cstpTxFrames) == 0);
  client->closeNotify();
  const auto down = gateway.events.wait(EventType::kDtlsDown, 2);
  REQUIRE(down);
  CHECK(down->arg == static_cast<uint32_t>(DtlsDownReason::kClosed));
  CHECK(gateway.stat(Stat::tunnelsOpen) == 1);
}

TEST_CASE("G13 data goes where the client spoke last") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session session(gateway, 2, 2);
  HostUdp host;
  const auto overTls = [&] {
    host.sendTo(2, 40000, text("x"));
    return session.tls->receive(cstp::kData).has_value();
  };
  CHECK(overTls());
  auto client = session.udp();
  REQUIRE(client->connect());
  CHECK(overTls());
  // A probe of the path is answered at its length, and moves nothing: the client drops data while it probes.
  client->send(cstp::kDpdReq, payload(1300));
  auto answer = client->receive();
  REQUIRE(answer);
  CHECK((*answer)[0] == cstp::kDpdResp);
  CHECK(payloadOf(*answer, 0) == payload(1300));
  CHECK(overTls());
  client->send(cstp::kDpdReq, {});
  CHECK(client->receive() == Bytes{cstp::kDpdResp});
  const auto overUdp = [&] {
    host.sendTo(2, 40000, text("x"));
    return client->receive(cstp::kData).has_value();
  };
  CHECK(overUdp());
  // Control frames on CSTP are no fall-back.
  session.tls->send(cstp::kDpdReq, {});
  CHECK(session.tls->receive(cstp::kDpdResp));
  session.tls->send(cstp::kKeepalive, {});
  session.tls->send(cstp::kDpdReq, {});
  CHECK(session.tls->receive(cstp::kDpdResp));
  CHECK(overUdp());
  session.tls->send(cstp::kData, udpPacket(2, host, text("fallen back")));
  CHECK(host.receive() == text("fallen back"));
  CHECK(overTls());
  client->send(cstp::kData, udpPacket(2, host, text("climbed")));
  CHECK(host.receive() == text("climbed"));
  CHECK(overUdp());
  CHECK(gateway.events.count(EventType::kDtlsDown, 2) == 0);
}

TEST_CASE("G13 a DTLS channel that answers no probe ends alone: the tunnel goes on over TLS, and climbs again") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  TunnelSpec spec = specWith(2);
  spec.dpdSec = spec.dtlsDpdSec = 1;
  spec.dpdRetries = 1;
  Session session(gateway, 2, 2, spec);
  auto client = session.udp();
  REQUIRE(client->connect());
  client->send(cstp::kDpdReq, {});
  REQUIRE(gateway.events.wait(EventType::kDtlsUp, 2));
  std::atomic<bool> over{false};
  std::thread answering([&] {  // over TLS the client lives
    while (!over) {
      if (!session.tls->readable(20)) continue;
      const auto frame = session.tls->receive();
      if (!frame) return;
      if (frame->type == cstp::kDpdReq) session.tls->send(cstp::kDpdResp, {});
    }
  });
  const auto down = gateway.events.wait(EventType::kDtlsDown, 2, 10000);
  over = true;
  answering.join();
  REQUIRE(down);
  CHECK(down->arg == static_cast<uint32_t>(DtlsDownReason::kDpd));
  CHECK(gateway.stat(Stat::dpdTimeouts) == 1);
  CHECK(client->receive(cstp::kDpdReq));  // it was asked
  auto again = session.udp();
  REQUIRE(again->connect());
  again->send(cstp::kDpdReq, {});
  CHECK(again->receive(cstp::kDpdResp));
  CHECK_FALSE(gateway.downReason(2, 0));
}

TEST_CASE("an offer comes and goes with update, and with the tunnel") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session session(gateway, 2, 2, Gateway::spec(2));
  CHECK_FALSE(session.udp()->connect(300));
  gateway.pool->update(2, specWith(2));
  auto client = session.udp();
  REQUIRE(client->connect());
  client->send(cstp::kDpdReq, {});
  REQUIRE(client->receive(cstp::kDpdResp));
  TunnelSpec narrower = specWith(2);
  narrower.mtu = 1200;
  gateway.pool->update(2, narrower);  // the same offer in another value
  client->send(cstp::kDpdReq, {});
  CHECK(client->receive(cstp::kDpdResp));
  gateway.pool->update(2, Gateway::spec(2));
  const auto down = gateway.events.wait(EventType::kDtlsDown, 2);
  REQUIRE(down);
  CHECK(down->arg == static_cast<uint32_t>(DtlsDownReason::kWithdrawn));
  CHECK_FALSE(session.udp()->connect(300));

  Session other(gateway, 3, 3);
  auto otherClient = other.udp();
  REQUIRE(otherClient->connect());
  otherClient->send(cstp::kDpdReq, {});
  REQUIRE(otherClient->receive(cstp::kDpdResp));
  gateway.pool->drop(3, DropHow::kDisconnect, "bye", TunnelDownReason::kDropped);
  CHECK(gateway.downReason(3) == TunnelDownReason::kDropped);
  CHECK(other.tls->receive(cstp::kDisconnect));
  otherClient->send(cstp::kDpdReq, {});
  CHECK_FALSE(otherClient->receive(100));
  CHECK_FALSE(other.udp()->connect(300));
  CHECK(gateway.events.count(EventType::kDtlsDown, 3) == 0);
  CHECK(gateway.stat(Stat::dtlsOpen) == 0);
}

TEST_CASE("the key of another session, or of nobody, opens nothing") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session two(gateway, 2, 2), three(gateway, 3, 3);
  CHECK_FALSE(DtlsVpnClient(2, three.psk).connect(500));
  CHECK_FALSE(DtlsVpnClient(2, Bytes(32)).connect(500));
  CHECK_FALSE(DtlsVpnClient(77, two.psk).connect(300));
  CHECK(gateway.stat(Stat::dtlsOpen) == 0);
  auto client = two.udp();
  REQUIRE(client->connect());
  client->send(cstp::kDpdReq, {});
  CHECK(client->receive(cstp::kDpdResp));
}

TEST_CASE("D08 a client that kept the key of an earlier tunnel is served, and the control plane hears of it") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session first(gateway, 2, 2);
  auto offer = std::make_shared<DtlsOffer>(*pskOffer(3));
  offer->formerSecret = first.psk;
  TunnelSpec spec = Gateway::spec(3);
  spec.dtls = offer;
  Session second(gateway, 3, 3, spec);
  for (const bool former : {true, false}) {
    DtlsVpnClient client(3, former ? first.psk : second.psk);
    REQUIRE(client.connect());
    client.send(cstp::kDpdReq, {});
    CHECK(client.receive(cstp::kDpdResp));
    const auto up = gateway.events.wait(EventType::kDtlsUp, 3);
    REQUIRE(up);
    CHECK(up->arg == (former ? 1 : 0));
  }
  CHECK_FALSE(DtlsVpnClient(2, second.psk).connect(300));
}

TEST_CASE("every suite carries packets") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  uint8_t host = 2;
  for (const char* suite : {"PSK-AES256-GCM-SHA384", "PSK-AES128-GCM-SHA256", "PSK-CHACHA20-POLY1305", "PSK-AES128-CBC-SHA"}) {
    TunnelSpec spec = Gateway::spec(host);
    spec.dtls = pskOffer(host, suite);
    Session session(gateway, host, host, spec);
    DtlsVpnClient client(host, session.psk, "127.0.0.1", suite);
    REQUIRE_MESSAGE(client.connect(), suite);
    HostUdp peer;
    client.send(cstp::kData, udpPacket(host, peer, payload(1000)));
    CHECK(peer.receive() == payload(1000));
    for (size_t i = 0; i < 40; ++i) peer.sendTo(host, 40000, payload(100 * (i % 11)));
    for (size_t i = 0; i < 40; ++i) {
      const auto frame = client.receive(cstp::kData);
      REQUIRE(frame);
      CHECK(payloadOf(*frame, kHeaders) == payload(100 * (i % 11)));
    }
    ++host;
  }
}

TEST_CASE("a device that is taken away loses packets, and nothing else") {
  NEEDS_NETWORK();
  Gateway gateway(1, 1400, loopback());
  Session session(gateway, 2, 2);
  auto client = session.udp();
  REQUIRE(client->connect());
  HostUdp host;
  const Bytes up = udpPacket(2, host, text("up"));
  REQUIRE(std::system(("ip link delete " + gateway.pool->device()).c_str()) == 0);
  for (int i = 0; i < 10; ++i) client->send(cstp::kData, up);
  CHECK(gateway.waitStat(Stat::tunWriteErrors, 1) >= 1);
  client->send(cstp::kDpdReq, {});
  CHECK(client->receive(cstp::kDpdResp));
  CHECK(session.tls->send(cstp::kDpdReq, {}));
  CHECK(session.tls->receive(cstp::kDpdResp));
  timespec before{}, after{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  // Nobody spins: that would be all of it.
  CHECK((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1'000'000 < 50);
}

TEST_CASE("handshakes, traffic, changes of offers and drops at once") {
  NEEDS_NETWORK();
  Gateway gateway(2, 1400, loopback());
  std::atomic<bool> over{false};
  std::atomic<size_t> echoes{0};
  std::vector<std::thread> clients;
  HostUdp host;
  for (uint8_t worker = 0; worker < 3; ++worker) {
    clients.emplace_back([&, worker] {
      for (uint32_t life = 0; !over; ++life) {
        const auto number = static_cast<uint8_t>(2 + worker);
        const uint32_t tunnel = 1000u * (worker + 1u) + life;
        Session session(gateway, tunnel, number);
        for (int attempt = 0; attempt < 3 && !over; ++attempt) {
          auto client = session.udp();
          if (!client->connect()) continue;
          for (int i = 0; i < 20; ++i) {
            client->send(cstp::kDpdReq, payload(100));
            if (client->receive(cstp::kDpdResp)) ++echoes;
            client->send(cstp::kData, udpPacket(number, host, payload(700)));
            Bytes forged = client->record(cstp::kData, payload(60));
            forged.back() ^= 1;
            client->sendRaw(forged);
            client->sendRaw(payload(90));
          }
          if (attempt == 1) gateway.pool->update(tunnel, Gateway::spec(number));
          if (attempt == 1) gateway.pool->update(tunnel, specWith(number));
        }
        if (life % 2 == 0) gateway.pool->drop(tunnel, DropHow::kDisconnect, "next", TunnelDownReason::kDropped);
        else session.tls->hangUp();
        gateway.downReason(tunnel);
      }
    });
  }
  std::thread traffic([&] {
    while (!over) {
      for (uint8_t n = 2; n < 5; ++n) host.sendTo(n, 40000, payload(900));
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  std::this_thread::sleep_for(std::chrono::seconds(4));
  over = true;
  for (auto& client : clients) client.join();
  traffic.join();
  CHECK(echoes > 20);
  CHECK(gateway.stat(Stat::dtlsForged) > 0);
  // And an end with channels still up.
  Session last(gateway, 9, 9);
  auto client = last.udp();
  REQUIRE(client->connect());
  client->send(cstp::kDpdReq, {});
  CHECK(client->receive(cstp::kDpdResp));
  gateway.pool->stop();
  CHECK(gateway.downReason(9) == TunnelDownReason::kStopped);
  CHECK(gateway.stat(Stat::dtlsOpen) == 0);
  CHECK(gateway.stat(Stat::tunnelsOpen) == 0);
}
