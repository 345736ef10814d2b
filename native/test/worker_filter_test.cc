// The filter of a tunnel against what is behind other clients.
#include "gateway.h"
#include "packet_filter.h"

using namespace postern;
using namespace postern::test;

TEST_CASE("G17 kept apart: a network behind another client is neither reached nor heard, from its tunnel's first packet to its last") {
  NEEDS_NETWORK();
  Gateway gateway(2);
  TunnelSpec apart = Gateway::spec(2), behind = Gateway::spec(4);
  apart.filter = std::make_shared<const PacketFilter>(std::vector<FilterRule>{}, AddressSet{}, true);
  IpPrefix host4, host6;  // as if the gateway's own addresses lay behind the other client
  REQUIRE(parsePrefix("10.0.0.0/24", host4));
  REQUIRE(parsePrefix("fd00::1/128", host6));
  behind.networks = std::make_shared<const ClientNetworks>(std::vector<IpPrefix>{host4.network(), host6});
  auto client = gateway.connect(2, apart), open = gateway.connect(3);
  HostUdp host, host6Udp(true);
  const auto both = [&](VpnClient& from, uint8_t number) {
    from.send(cstp::kData, udpPacket(number, host, payload(100)));
    from.send(cstp::kData, udpPacket(number, host6Udp, payload(100), true));
  };
  both(*client, 2);
  REQUIRE(host.receive());
  REQUIRE(host6Udp.receive());
  host.sendTo(2, 40000, payload(100));
  REQUIRE(client->receive(cstp::kData));

  auto site = gateway.connect(4, behind);
  both(*client, 2);
  CHECK(gateway.waitStat(Stat::filtered, 2) == 2);
  host.sendTo(2, 40000, payload(100));
  host6Udp.sendTo(2, 40000, payload(100));
  CHECK(gateway.waitStat(Stat::filtered, 4) == 4);
  both(*open, 3);  // who is not kept apart
  CHECK(host.receive());
  CHECK(host6Udp.receive());

  gateway.pool->drop(4, DropHow::kClose, "", TunnelDownReason::kDropped);
  REQUIRE(gateway.downReason(4));
  host.sendTo(2, 40000, payload(100));
  CHECK(client->receive(cstp::kData));
  both(*client, 2);
  CHECK(host.receive());
  CHECK(host6Udp.receive());
  CHECK(gateway.stat(Stat::filtered) == 4);
}
