// `relay`: a path for datagrams between clients and a gateway that may damage, lose, repeat or reorder them.
#include <poll.h>

#include <csignal>
#include <map>

#include "commands.h"
#include "endpoint.h"
#include "fault.h"
#include "json.h"

namespace load {
namespace {

volatile std::sig_atomic_t stopped = 0;

struct Peer {
  Endpoint client;
  Socket towards;
};

}  // namespace

int runRelay(const Options& options) {
  for (const int signal : {SIGTERM, SIGINT}) {
    struct sigaction action {};
    action.sa_handler = [](int) { stopped = 1; };
    sigaction(signal, &action, nullptr);
  }
  const auto to = split(options.text("relay-to"), '@');
  const Endpoint gateway = endpointOf(to[0], uint16_t(to.size() > 1 ? toNumber(to[1]) : 443));
  Endpoint here = endpointOf(options.text("listen", "127.0.0.1"), uint16_t(options.number("port", 0)));
  Socket front(::socket(here.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (bind(front.fd(), here.raw(), here.length) != 0) throw Failure(systemError("bind"));
  here.length = sizeof here.address;
  getsockname(front.fd(), here.raw(), &here.length);
  Fault up(options.text("fault-up")), down(options.text("fault"));
  std::map<std::string, Peer> peers;
  uint64_t ups = 0, downs = 0;
  Json().add("ok", true).add("listening", ntohs(reinterpret_cast<sockaddr_in*>(here.raw())->sin_port)).print();
  Bytes buffer(65536);
  while (!stopped) {
    std::vector<pollfd> waits = {{front.fd(), POLLIN, 0}};
    std::vector<Peer*> order;
    for (auto& [key, peer] : peers) {
      waits.push_back({peer.towards.fd(), POLLIN, 0});
      order.push_back(&peer);
    }
    if (poll(waits.data(), waits.size(), 200) <= 0) continue;
    for (size_t i = 1; i < waits.size(); ++i) {
      if (!waits[i].revents) continue;
      const long n = ::recv(waits[i].fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n < 0) continue;
      ++downs;
      down.pass(View(buffer.data(), size_t(n)), [&](View bytes) { ::sendto(front.fd(), bytes.data(), bytes.size(), 0, order[i - 1]->client.raw(), order[i - 1]->client.length); });
    }
    if (waits[0].revents) {
      Endpoint from;
      from.length = sizeof from.address;
      const long n = ::recvfrom(front.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT, from.raw(), &from.length);
      if (n < 0) continue;
      ++ups;
      auto [found, fresh] = peers.try_emplace(std::string(reinterpret_cast<const char*>(&from.address), from.length));
      if (fresh) found->second = {from, openUdp(gateway, options.text("source"), 1 << 20)};
      const int fd = found->second.towards.fd();
      up.pass(View(buffer.data(), size_t(n)), [&](View bytes) { ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    }
  }
  Json().add("ok", true).add("up", ups).add("down", downs).add("clients", peers.size()).print();
  return 0;
}

}  // namespace load
