// The sockets of the VPN port in a real kernel: who may have the port, merged and cut datagrams, addresses, losses.
#include "udp_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "gateway.h"
#include "peer_steering.h"

using namespace postern;
using namespace postern::test;

namespace {

constexpr uint16_t kPort = 4433;
const std::string kNone;

std::string open(UdpSocket& socket, const Endpoint& endpoint, bool first) {
  OpError error;
  return socket.open(endpoint, 0, first, error) ? kNone : error.code;
}

UdpPeer peerAt(const UdpSocket& to) {
  UdpPeer peer;
  peer.address = peer.local = to.local();
  peer.port = kPort;
  return peer;
}

struct Received {
  std::vector<uint8_t> room = std::vector<uint8_t>(65536);
  UdpArrival arrival;
  StatBlock stats;
  bool from(UdpSocket& socket) { return receiveUdp(socket, UdpKernel::real(), room.data(), arrival, stats); }
};

}  // namespace

TEST_CASE("the workers share a port that nobody else has") {
  NEEDS_NETWORK();
  const Endpoint endpoint{"127.0.0.1", kPort};
  UdpSocket first, second, stranger;
  CHECK(open(first, endpoint, true) == kNone);
  CHECK(open(second, endpoint, false) == kNone);
  CHECK(open(stranger, endpoint, true) == "EADDRINUSE");
  UdpSocket invalid;
  CHECK(open(invalid, {"localhost", kPort}, true) == "EINVAL");
  UdpSocket elsewhere;
  CHECK(open(elsewhere, {"203.0.113.1", kPort}, true) == "EADDRNOTAVAIL");
  // Both families beside each other.
  UdpSocket v6, any;
  CHECK(open(v6, {"::", kPort + 1}, true) == kNone);
  CHECK(open(any, {"0.0.0.0", kPort + 1}, true) == kNone);
  CHECK(v6.wildcard());
  CHECK(any.wildcard());
  CHECK_FALSE(first.wildcard());
  // A pool says which port is taken.
  Events events;
  OpError error;
  CHECK(createWorkerPool({"pttest%d", {"10.20.0.1/24"}, {}, 1400, 1, {endpoint}}, events, error) == nullptr);
  CHECK(error.code == "EADDRINUSE");
  CHECK(error.message.find("127.0.0.1:4433 (udp)") != std::string::npos);
}

TEST_CASE("one send is cut, and received as one, with an odd tail; the sizes of later ones are their own") {
  NEEDS_NETWORK();
  for (const char* address : {"127.0.0.1", "::1"}) {
    UdpSocket a, b;
    REQUIRE(open(a, {address, kPort}, true) == kNone);
    REQUIRE(open(b, {address, kPort + 1}, true) == kNone);
    REQUIRE(a.segments);
    UdpPeer to = peerAt(a);
    const Bytes run = payload(5 * 700 + 33), single = payload(900);
    REQUIRE(sendUdp(b, UdpKernel::real(), to, run, 700) == 0);
    REQUIRE(sendUdp(b, UdpKernel::real(), to, single) == 0);
    REQUIRE(sendUdp(b, UdpKernel::real(), to, {}) == 0);
    Received r;
    REQUIRE(r.from(a));
    CHECK(r.arrival.segment == 700);
    CHECK(Bytes(r.arrival.at, r.arrival.at + r.arrival.length) == run);
    CHECK(r.arrival.peer.port == kPort + 1);
    CHECK(r.arrival.peer.address == b.local());
    CHECK(r.arrival.peer.local == a.local());
    REQUIRE(r.from(a));
    CHECK(r.arrival.segment == 900);
    REQUIRE(r.from(a));
    CHECK(r.arrival.length == 0);
    CHECK_FALSE(r.from(a));
    CHECK(r.stats.get(Stat::udpReads) == 3);
    CHECK(r.stats.get(Stat::udpRxDatagrams) == 8);
    // The limits of one call (reference dataplane section 4), and what is too long for the path: refused, not cut.
    CHECK(sendUdp(b, UdpKernel::real(), to, payload(64 * 100), 100) == 0);
    CHECK(sendUdp(b, UdpKernel::real(), to, payload(65507), 1040) == 0);
    CHECK(sendUdp(b, UdpKernel::real(), to, payload(65536)) == EMSGSIZE);
  }
}

TEST_CASE("what the kernel has no room for is counted") {
  NEEDS_NETWORK();
  UdpSocket a, b;
  REQUIRE(open(a, {"127.0.0.1", kPort}, true) == kNone);
  REQUIRE(open(b, {"127.0.0.1", kPort + 1}, true) == kNone);
  const int small = 4096;
  ::setsockopt(a.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  for (int i = 0; i < 50; ++i) sendUdp(b, UdpKernel::real(), peerAt(a), payload(1000));
  Received r;
  uint64_t got = 0;
  while (r.from(a)) ++got;
  sendUdp(b, UdpKernel::real(), peerAt(a), payload(1000));  // brings the count along
  REQUIRE(r.from(a));
  CHECK(got > 0);
  CHECK(r.stats.get(Stat::udpOverflow) == 50 - got);
}

TEST_CASE("a peer's datagrams go to the socket of the worker that owns it, both families") {
  NEEDS_NETWORK();
  PeerSteering steering;
  if (!steering.open()) {
    MESSAGE("SKIP: no bpf()");
    return;
  }
  for (const char* address : {"127.0.0.1", "::1"}) {
    UdpSocket workers[3];
    for (int i = 0; i < 3; ++i) REQUIRE(open(workers[i], {address, kPort}, i == 0) == kNone);
    REQUIRE(steering.attach(workers[0].fd()));
    const UdpPeer to = peerAt(workers[0]);
    UdpSocket client;
    REQUIRE(open(client, {address, kPort + 1}, true) == kNone);
    UdpPeer peer = to;
    peer.port = kPort + 1;
    const auto arrivesAt = [&] {
      REQUIRE(sendUdp(client, UdpKernel::real(), to, payload(100)) == 0);
      int at = -1;
      Received r;
      for (int i = 0; i < 3; ++i) {
        if (r.from(workers[i])) at = i;
      }
      return at;
    };
    const int hashed = arrivesAt();
    for (const uint32_t worker : {2u, 0u, 1u, 2u}) {
      steering.own(peer, worker);
      CHECK(arrivesAt() == static_cast<int>(worker));
    }
    UdpPeer other = peer;
    other.port = 99;
    steering.own(other, 0);
    CHECK(arrivesAt() == 2);
    steering.disown(peer);
    CHECK(arrivesAt() == hashed);
  }
}
