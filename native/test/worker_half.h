// Halves of workers without threads: their datagrams come from a kernel of the test, their packets go into a socket.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>

#include "datagrams.h"
#include "dtls_ends.h"
#include "packets.h"
#include "tls_pair.h"

namespace postern::test {

class Quiet final : public DatagramSender {
 public:
  void send(const UdpPeer&, ByteView) noexcept override {}
};

struct Posted {
  EventType type;
  uint32_t handle, arg;
  Bytes payload;
};
class Recorder final : public EventSink {
 public:
  std::vector<Posted> events;
  void post(EventType type, uint32_t handle, uint32_t arg, ByteView payload) noexcept override {
    events.push_back({type, handle, arg, Bytes(payload.begin(), payload.end())});
  }
};

// What several workers share.
struct Pool {
  explicit Pool(uint32_t workers) : shared(workers, {.sender = quiet, .ready = [](auto) {}, .late = {}}) {}
  Quiet quiet;
  DtlsShared shared;
  std::vector<DatagramInbox*> inboxes;
};

// One worker's half; the TUN device is a socket that keeps packets apart.
struct Half {
  Half(Pool& pool, uint32_t index) : pool(pool), associations(index, &pool.shared, events, stats) {
    check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, tunFds) == 0, "socketpair");
    OpError error;
    check(sockets.emplace_back().open({"127.0.0.1", 0}, 0, true, error), error.message.c_str());
    tun = std::make_unique<TunWriter>(tunFds[0], Offloads{}, stats);
    uplink = std::make_unique<Uplink>(*tun, router, askers, stats);
    datagrams = std::make_unique<Datagrams>(Datagrams::Context{index, &pool.shared, kernel, pool.inboxes}, sockets, associations, *uplink, output, stats);
    pool.inboxes.push_back(&inbox);
  }
  ~Half() {
    for (auto& tunnel : tunnels) associations.leave(*tunnel);
    for (SSL* ssl : clientSsl) SSL_free(ssl);
    for (const int fd : clientFds) ::close(fd);
    for (const int fd : tunFds) ::close(fd);
  }

  // The client's end of a new tunnel that holds 10.20.0.`host`.
  Tunnel& tunnel(uint8_t host) {
    const TlsPair pair = connectTls();
    clientSsl.push_back(pair.client);
    clientFds.push_back(pair.clientFd);
    TunnelSpec spec;
    spec.ipv4 = 0x0a140000u | host;
    auto offer = std::make_shared<DtlsOffer>();
    offer->id = Bytes(32, host);
    spec.dtls = offer;
    Tunnel& t = *tunnels.emplace_back(std::make_unique<Tunnel>(host, spec, pair.serverFd, pair.server, tls, 0));
    associations.offer(t, nullptr);
    return t;
  }
  void install(Tunnel& tunnel, uint16_t port, uint8_t seed = 0) {
    DtlsReady ready = dtlsReady(tunnel.id, port, tunnel.spec.dtls, DtlsCipher::kAes128Gcm, seed);
    REQUIRE(associations.install(ready, tunnel, 1000));
  }
  // One round.
  void round(uint64_t nowMs = 1000) {
    datagrams->read(1, nowMs);
    datagrams->readInbox(nowMs);
    datagrams->endRound(nowMs);
    uplink->flush();
    datagrams->release();
    output.flush();
    associations.settle(static_cast<uint32_t>(nowMs / 1000));
    associations.forChanged([](Tunnel&) {});
    associations.bury();
  }
  void arrive(uint16_t port, Bytes bytes, size_t segment = 0) { kernel.arriving.push_back({port, segment, std::move(bytes)}); }
  // The next packet in the device, without its virtio header.
  std::optional<Bytes> packet() {
    Bytes bytes(70000);
    const ssize_t n = ::recv(tunFds[1], bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n < 10) return std::nullopt;
    return Bytes(bytes.begin() + 10, bytes.begin() + n);
  }
  size_t count(EventType type) {
    return static_cast<size_t>(std::count_if(events.events.begin(), events.events.end(), [&](const Posted& e) { return e.type == type; }));
  }

  Pool& pool;
  int tunFds[2];
  StatBlock stats;
  Recorder events;
  TlsOutput tls{stats};
  FakeKernel kernel;
  UdpSockets sockets;
  UdpOutput output{sockets, kernel, stats};
  std::unique_ptr<TunWriter> tun;
  Router router;
  Askers askers;
  std::unique_ptr<Uplink> uplink;
  DatagramInbox inbox{Datagrams::kHandOver};
  Associations associations;
  std::unique_ptr<Datagrams> datagrams;
  std::vector<std::unique_ptr<Tunnel>> tunnels;
  std::vector<SSL*> clientSsl;
  std::vector<int> clientFds;
};

inline Bytes packetFrom(uint8_t host, size_t length, uint8_t seed = 0) {
  Flow flow;
  flow.udp = true;
  flow.src = host;
  return build(flow, payload(length, seed));
}

inline void operator+=(Bytes& bytes, const Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

}  // namespace postern::test
