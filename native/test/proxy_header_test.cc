#include "proxy_header.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <string>

#include "listener.h"

using namespace postern;
using namespace std::string_literals;
using State = ProxyHeader::State;

namespace {

constexpr char kHello[] = "\x16\x03\x01";

Bytes bytesOf(const std::string& text) { return {text.begin(), text.end()}; }

// "198.51.100.7:50000", "none" when it is done without a client, "partial", "bad"; and nothing behind the header is taken.
std::string outcome(const std::string& header, size_t piece = SIZE_MAX) {
  ProxyHeader parser;
  const Bytes all = bytesOf(header + kHello);
  size_t at = 0;
  while (at < all.size() && parser.state() == State::kPartial) {
    const size_t length = std::min(piece, all.size() - at);
    const size_t taken = parser.take({all.data() + at, length});
    at += taken;
    if (taken == 0) break;
  }
  if (parser.state() == State::kBad) return "bad";
  if (parser.state() == State::kPartial) return "partial";
  if (at != header.size()) return "took " + std::to_string(at) + " of " + std::to_string(header.size());
  return parser.client() ? toString(endpointOf(*parser.client())) : "none";
}

// Version 2.
std::string block(uint8_t command, uint8_t family, const std::string& rest, size_t length = SIZE_MAX) {
  if (length == SIZE_MAX) length = rest.size();
  const char head[] = {static_cast<char>(command), static_cast<char>(family), static_cast<char>(length >> 8), static_cast<char>(length)};
  return "\r\n\r\n\0\r\nQUIT\n"s + std::string(head, 4) + rest;
}
const std::string kV4 = "\xc6\x33\x64\x07\xcb\x00\x71\x01\xc3\x50\x01\xbb"s;
std::string v6(const char* from) {
  in6_addr address{};
  ::inet_pton(AF_INET6, from, &address);
  const std::string text(reinterpret_cast<const char*>(&address), 16);
  return text + text + "\xc3\x50\x01\xbb"s;
}

}  // namespace

TEST_CASE("G28 version 1: the client of either family, and nothing of what follows the header is taken") {
  CHECK(outcome("PROXY TCP4 198.51.100.7 203.0.113.1 50000 443\r\n") == "198.51.100.7:50000");
  CHECK(outcome("PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n") == "[2001:db8::7]:50000");
  CHECK(outcome("PROXY TCP6 ffff:f...f:ffff ::1 65535 65535\r\n") == "bad");
  CHECK(outcome("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n") == "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
  CHECK(outcome("PROXY UNKNOWN\r\n") == "none");
  CHECK(outcome("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n") == "none");
}

TEST_CASE("G28 version 2: addresses, what follows them, a proxy's own connection") {
  CHECK(outcome(block(0x21, 0x11, kV4)) == "198.51.100.7:50000");
  CHECK(outcome(block(0x21, 0x21, v6("2001:db8::7"))) == "[2001:db8::7]:50000");
  CHECK(outcome(block(0x21, 0x11, kV4 + "\x03\x00\x04zzzz\x04\x00\x00"s)) == "198.51.100.7:50000");
  CHECK(outcome(block(0x20, 0x00, "")) == "none");
  CHECK(outcome(block(0x20, 0x11, kV4)) == "none");
  CHECK(outcome(block(0x20, 0x11, "xx")) == "none");
  CHECK(outcome(block(0x21, 0x00, "xxx")) == "none");
  CHECK(outcome(block(0x21, 0x31, std::string(216, 'u'))) == "none");
}

TEST_CASE("G28 an IPv4 client that a proxy writes as IPv6 is the IPv4 client: else all of them were one /64") {
  CHECK(outcome("PROXY TCP6 ::ffff:198.51.100.7 ::ffff:203.0.113.1 50000 443\r\n") == "198.51.100.7:50000");
  CHECK(outcome(block(0x21, 0x21, v6("::ffff:198.51.100.7"))) == "198.51.100.7:50000");
}

TEST_CASE("G28 a header that comes in pieces of any size is the same header") {
  for (size_t piece = 1; piece < 70; ++piece) {
    CHECK(outcome("PROXY TCP4 198.51.100.7 203.0.113.1 50000 443\r\n", piece) == "198.51.100.7:50000");
    CHECK(outcome(block(0x21, 0x21, v6("2001:db8::7") + "\x04\x00\x02zz"s), piece) == "[2001:db8::7]:50000");
  }
  const std::string line = "PROXY TCP4 198.51.100.7 203.0.113.1 50000 443\r\n";
  for (size_t length = 0; length < line.size(); ++length) {
    ProxyHeader parser;
    const Bytes part = bytesOf(line.substr(0, length));
    CHECK(parser.take(part) == length);
    CHECK(parser.state() == State::kPartial);
  }
}

TEST_CASE("G28 what is not exactly a header is refused at the first byte that shows it") {
  const char* const lines[] = {
      "PROXY TCP4 198.51.100.7 203.0.113.1 50000\r\n", "PROXY TCP4 198.51.100.7 203.0.113.1 50000 443 \r\n", "PROXY TCP4  198.51.100.7 203.0.113.1 50000 443\r\n",
      "PROXY TCP4 198.51.100.7 203.0.113.1 50000 443 1\r\n", "PROXY TCP4 198.51.100.7 203.0.113.1 050000 443\r\n", "PROXY TCP4 198.51.100.7 203.0.113.1 65536 443\r\n",
      "PROXY TCP4 198.51.100.7 203.0.113.1 -1 443\r\n", "PROXY TCP4 198.51.100.7 203.0.113.1 50000 443\n", "PROXY TCP4 2001:db8::7 203.0.113.1 50000 443\r\n",
      "PROXY TCP6 198.51.100.7 203.0.113.1 50000 443\r\n", "PROXY TCP4 198.51.100.300 203.0.113.1 50000 443\r\n", "PROXY UDP4 198.51.100.7 203.0.113.1 50000 443\r\n",
      "PROXY UNKNOWNX\r\n", "PROXY \r\n", "PROXY TCP4 198.51.100.7\t203.0.113.1 50000 443\r\n", "proxy TCP4 198.51.100.7 203.0.113.1 50000 443\r\n", "GET / HTTP/1.1\r\n",
  };
  for (const char* line : lines) CHECK_MESSAGE(outcome(line) == "bad", line);
  CHECK(outcome("") == "bad");  // a ClientHello
  CHECK(outcome("PROXY TCP4 198.51.100.7\0 203.0.113.1 50000 443\r\n"s) == "bad");
  CHECK(outcome(block(0x11, 0x11, kV4)) == "bad");  // version
  CHECK(outcome(block(0x22, 0x11, kV4)) == "bad");  // command
  CHECK(outcome(block(0x21, 0x12, kV4)) == "bad");  // datagrams
  CHECK(outcome(block(0x21, 0x41, kV4)) == "bad");  // family
  CHECK(outcome(block(0x21, 0x13, kV4)) == "bad");
  CHECK(outcome(block(0x21, 0x11, kV4.substr(1))) == "bad");
  CHECK(outcome(block(0x21, 0x21, v6("::1").substr(1))) == "bad");
  CHECK(outcome(block(0x21, 0x11, kV4 + "\x03\x00"s)) == "bad");          // no head of a TLV
  CHECK(outcome(block(0x21, 0x11, kV4 + "\x03\x00\x05zzzz"s)) == "bad");  // longer than the block
  ProxyHeader parser;
  CHECK(parser.take(bytesOf("\r\n\r\n\0\r\nQUIX"s)) == 11);
  CHECK(parser.state() == State::kBad);
}

TEST_CASE("G28 the length of a header is bounded, before it has come") {
  CHECK(outcome("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n") == "none");  // 107 bytes
  CHECK(outcome("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n") == "bad");
  CHECK(outcome(block(0x20, 0x00, std::string(2032, 'x'))) == "none");  // 2,048 bytes
  CHECK(outcome(block(0x20, 0x00, "", 2033)) == "bad");
  CHECK(outcome(block(0x21, 0x11, kV4, 0xffff)) == "bad");
}
