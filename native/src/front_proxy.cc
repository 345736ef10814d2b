// Front: connections of trusted proxies, from accept to the client that they bring.
#include <sys/epoll.h>

#include "front.h"

namespace postern {

void Front::welcome(int fd, const sockaddr_storage& proxy) {
  const auto guest = lobby_.enter(fd, proxy, now_);
  if (!guest) return refuse(fd, Stat::proxyHeadersRefused);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.u64 = kProxyTag + *guest;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void Front::onProxy(uint32_t guest) {
  if (!lobby_.holds(guest)) return;
  switch (lobby_.read(guest)) {
    case ProxyHeader::State::kPartial:
      return;
    case ProxyHeader::State::kBad:
      return turnAway(guest);
    case ProxyHeader::State::kDone:
      break;
  }
  const auto left = lobby_.leave(guest);
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, left->fd, nullptr);
  stats_.add(Stat::proxied);
  admit(left->fd, left->header.client().value_or(left->proxy), true);
}

void Front::turnAway(uint32_t guest) {
  const auto left = lobby_.leave(guest);
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, left->fd, nullptr);
  refuse(left->fd, Stat::proxyHeadersRefused);
}

}  // namespace postern
