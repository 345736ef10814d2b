#include "udp_peer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "dtls_hellos.h"

using namespace postern;
using namespace postern::test;

TEST_CASE("a peer for people") {
  CHECK(peerAt(7, 4431).text() == "198.51.100.7:4431");
  CHECK(peerAt(7, 4431).ipv4());
  UdpPeer six;
  six.address = {0x20, 0x01, 0x0d, 0xb8};
  six.address[15] = 1;
  six.port = 443;
  CHECK(six.text() == "[2001:db8::1]:443");
  CHECK_FALSE(six.ipv4());
}

TEST_CASE("every part of an association tells it from others") {
  const UdpPeer peer = peerAt(7, 4431);
  std::set<size_t> hashes;
  auto differs = [&](auto change) {
    UdpPeer other = peer;
    change(other);
    CHECK(other != peer);
    CHECK(hashes.insert(UdpPeerHash{}(other)).second);
  };
  hashes.insert(UdpPeerHash{}(peer));
  for (size_t i = 0; i < 16; ++i) {
    differs([&](UdpPeer& p) { p.address[i] ^= 1; });
    differs([&](UdpPeer& p) { p.local[i] ^= 1; });
  }
  differs([](UdpPeer& p) { ++p.port; });
  differs([](UdpPeer& p) { ++p.listener; });
  differs([](UdpPeer& p) { ++p.scope; });
  CHECK(UdpPeerHash{}(peer) == UdpPeerHash{}(UdpPeer(peer)));
}

TEST_CASE("the ports of one address spread over the buckets of a table, whatever the seed") {
  constexpr size_t kBuckets = 1024;
  std::mt19937_64 random(1);
  int most = 0, least = 65535;
  for (int i = 0; i < 300; ++i) {
    const HashSeed seed = {random() | 1, random() | 1, random() | 1};
    std::vector<int> filled(kBuckets);
    for (uint32_t port = 1; port < 65536; ++port) ++filled[hashOf(peerAt(7, static_cast<uint16_t>(port)), seed) % kBuckets];
    most = std::max(most, *std::max_element(filled.begin(), filled.end()));
    least = std::min(least, *std::min_element(filled.begin(), filled.end()));
  }
  CHECK(most < 130);  // 64 on average
  CHECK(least > 20);
}
