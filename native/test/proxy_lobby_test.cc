#include "proxy_lobby.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <string>

#include "listener.h"

using namespace postern;
using State = ProxyHeader::State;

namespace {

struct Pair {
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0); }
  ~Pair() {
    if (ends[1] >= 0) ::close(ends[1]);
  }
  void send(const std::string& text) { REQUIRE(::send(ends[1], text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())); }
  int ends[2];  // the first is the lobby's
};
bool isOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

sockaddr_storage at(const char* text) {
  sockaddr_storage made{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(made);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(made);
  if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) v4.sin_family = AF_INET;
  else if (::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) v6.sin6_family = AF_INET6;
  return made;
}

}  // namespace

TEST_CASE("G28 what comes behind a header in the same segment stays in the socket") {
  ProxyLobby lobby(2);
  Pair pair;
  const auto guest = lobby.enter(pair.ends[0], {}, 0);
  REQUIRE(guest);
  CHECK(lobby.read(*guest) == State::kPartial);
  pair.send("PROXY TCP4 198.51");
  CHECK(lobby.read(*guest) == State::kPartial);
  char byte;
  CHECK(::recv(pair.ends[0], &byte, 1, MSG_DONTWAIT) == -1);  // nothing is left that would wake us again
  pair.send(".100.7 203.0.113.1 50000 443\r\nhello");
  CHECK(lobby.read(*guest) == State::kDone);
  const auto left = lobby.leave(*guest);
  CHECK(toString(endpointOf(*left->header.client())) == "198.51.100.7:50000");
  char rest[16];
  CHECK(std::string(rest, static_cast<size_t>(::recv(left->fd, rest, sizeof rest, MSG_DONTWAIT))) == "hello");
  CHECK(lobby.size() == 0);
  CHECK_FALSE(lobby.holds(*guest));
  ::close(left->fd);
}

TEST_CASE("G28 a proxy that goes or says something else is done with") {
  ProxyLobby lobby(2);
  Pair gone, wrong;
  const auto one = lobby.enter(gone.ends[0], {}, 0), other = lobby.enter(wrong.ends[0], {}, 0);
  gone.send("PROXY ");
  ::close(gone.ends[1]);
  gone.ends[1] = -1;
  CHECK(lobby.read(*one) == State::kBad);
  wrong.send("\x16\x03\x01");
  CHECK(lobby.read(*other) == State::kBad);
}

TEST_CASE("G28 the lobby is bounded in places and in time, and closes what it holds") {
  Pair first, second, third;
  {
    ProxyLobby lobby(2);
    CHECK(lobby.enter(first.ends[0], {}, 100) == 0);
    CHECK(lobby.enter(second.ends[0], {}, 200) == 1);
    CHECK_FALSE(lobby.enter(third.ends[0], {}, 300));
    CHECK(isOpen(third.ends[0]));
    CHECK_FALSE(lobby.late(99));
    CHECK(lobby.late(150) == 0);
    ::close(lobby.leave(0)->fd);
    CHECK_FALSE(lobby.late(150));
    CHECK(lobby.enter(third.ends[0], {}, 300) == 0);
    CHECK(lobby.size() == 2);
    CHECK_FALSE(lobby.holds(2));
  }
  CHECK_FALSE(isOpen(second.ends[0]));
  CHECK_FALSE(isOpen(third.ends[0]));
}

TEST_CASE("G28 who is trusted: the networks that were named, each of its family") {
  const TrustedProxies none({}), some({"10.0.0.0/8", "192.0.2.7/32", "fd77::/64"});
  CHECK_FALSE(none.contains(at("10.0.0.1")));
  for (const char* text : {"10.0.0.0", "10.255.255.255", "192.0.2.7", "fd77::1"}) CHECK_MESSAGE(some.contains(at(text)), text);
  for (const char* text : {"11.0.0.0", "9.255.255.255", "192.0.2.6", "192.0.2.8", "fd77:0:0:1::1", "a00::1", "::ffff:10.0.0.1"}) CHECK_MESSAGE(!some.contains(at(text)), text);
  CHECK(TrustedProxies({"0.0.0.0/0"}).contains(at("203.0.113.9")));
}
