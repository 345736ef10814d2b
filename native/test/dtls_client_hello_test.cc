#include "dtls_client_hello.h"

#include <doctest/doctest.h>

#include "dtls_hellos.h"

using namespace postern;
using namespace postern::test;

namespace {
bool parses(const Bytes& datagram) {
  ClientHello hello;
  // In a block of its own, so that the sanitizer sees a read beyond it.
  const Bytes copy(datagram.begin(), datagram.end());
  return parseClientHello(copy, hello);
}
Bytes withBody(const Bytes& body) { return record(22, 0, 0, message(1, 0, body), 0xfeff); }
}  // namespace

TEST_CASE("a ClientHello is taken apart") {
  HelloParts parts;
  parts.recordSequence = 0x123456789abc;
  parts.messageSequence = 1;
  parts.cookie = Bytes(32, 0x77);
  const Bytes datagram = clientHello(parts);
  ClientHello hello;
  REQUIRE(parseClientHello(datagram, hello));
  CHECK(hello.recordSequence == 0x123456789abc);
  CHECK(hello.messageSequence == 1);
  CHECK(hello.version == 0xfefd);
  CHECK(Bytes(hello.random.begin(), hello.random.end()) == parts.random);
  CHECK(Bytes(hello.sessionId.begin(), hello.sessionId.end()) == parts.sessionId);
  CHECK(Bytes(hello.cookie.begin(), hello.cookie.end()) == parts.cookie);
  CHECK(Bytes(hello.ciphers.begin(), hello.ciphers.end()) == parts.ciphers);
}

TEST_CASE("what a ClientHello may leave out or be followed by") {
  HelloParts parts;
  parts.withExtensions = false;
  CHECK(parses(clientHello(parts)));
  parts.sessionId.clear();
  CHECK(parses(clientHello(parts)));
  parts.recordVersion = 0xfefd;
  CHECK(parses(clientHello(parts)));
  Bytes two = clientHello({});
  append(two, record(20, 0, 1, {1}));
  CHECK(parses(two));
}

TEST_CASE("every cut of a ClientHello is refused") {
  const Bytes whole = clientHello({});
  for (size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(parses(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n))));
}

TEST_CASE("records that hold no ClientHello of epoch 0") {
  HelloParts parts;
  parts.epoch = 1;
  CHECK_FALSE(parses(clientHello(parts)));
  for (const uint16_t version : {0x0100, 0x0303, 0xfefc, 0xfe00, 0x0000}) {
    HelloParts other;
    other.recordVersion = version;
    CHECK_FALSE(parses(clientHello(other)));
  }
  CHECK_FALSE(parses(record(22, 0, 0, {})));
  CHECK_FALSE(parses(record(23, 0, 0, message(1, 0, helloBody({})))));
  CHECK_FALSE(parses(record(22, 0, 0, message(2, 0, helloBody({})))));
}

TEST_CASE("one message, whole and alone in its record") {
  const Bytes body = helloBody({});
  Bytes messages = message(1, 0, body);
  append(messages, messages);
  CHECK_FALSE(parses(record(22, 0, 0, messages)));
  Bytes trailing = message(1, 0, body);
  trailing.push_back(0);
  CHECK_FALSE(parses(record(22, 0, 0, trailing)));
  const Bytes first(body.begin(), body.begin() + 50), second(body.begin() + 50, body.end());
  CHECK_FALSE(parses(record(22, 0, 0, message(1, 0, first, 0, body.size()))));
  CHECK_FALSE(parses(record(22, 0, 0, message(1, 0, second, 50, body.size()))));
  CHECK_FALSE(parses(record(22, 0, 0, message(1, 0, body, 0, body.size() + 1))));
  CHECK_FALSE(parses(record(22, 0, 0, message(1, 0, body, 1, body.size()))));
}

TEST_CASE("a record longer than TLS allows") {
  HelloParts parts;
  parts.extensions = {0x00, 0x15};
  append16(parts.extensions, (1 << 14) - 130);
  parts.extensions.resize(parts.extensions.size() + (1 << 14) - 130);
  const Bytes fits = clientHello(parts);
  CHECK(parses(fits));
  parts.extensions = {0x00, 0x15};
  append16(parts.extensions, 1 << 14);
  parts.extensions.resize(parts.extensions.size() + (1 << 14));
  CHECK_FALSE(parses(clientHello(parts)));
}

TEST_CASE("fields that do not add up") {
  HelloParts parts;
  SUBCASE("session id of 33 bytes") { parts.sessionId.resize(33); }
  SUBCASE("no suites") { parts.ciphers.clear(); }
  SUBCASE("half a suite") { parts.ciphers.resize(3); }
  SUBCASE("no compression methods") { parts.compressions.clear(); }
  SUBCASE("null compression missing") { parts.compressions = {1}; }
  SUBCASE("an extension longer than the block") { parts.extensions = {0x00, 0x23, 0x00, 0x01}; }
  SUBCASE("half an extension") { parts.extensions = {0x00, 0x23, 0x00}; }
  CHECK_FALSE(parses(clientHello(parts)));
}

TEST_CASE("bytes behind the extensions, and a block that claims more than there is") {
  Bytes body = helloBody({});
  body.push_back(0);
  CHECK_FALSE(parses(withBody(body)));
  HelloParts parts;
  parts.withExtensions = false;
  body = helloBody(parts);
  append16(body, 4);
  CHECK_FALSE(parses(withBody(body)));
  body.pop_back();
  CHECK_FALSE(parses(withBody(body)));
}

TEST_CASE("records a handshake has to see") {
  for (const uint8_t type : {20, 21, 22}) CHECK(isDtlsHandshake(record(type, 0, 0, {1})));
  CHECK_FALSE(isDtlsHandshake(record(23, 0, 0, {1})));
  CHECK(isDtlsHandshake(record(22, 1, 0, {1})));
  CHECK_FALSE(isDtlsHandshake(record(22, 2, 0, {1})));
  for (const uint8_t type : {20, 21, 23}) CHECK_FALSE(isDtlsHandshake(record(type, 1, 0, {1})));
  CHECK_FALSE(isDtlsHandshake(record(22, 0, 0, {1}, 0x0303)));
  CHECK_FALSE(isDtlsHandshake(Bytes(12, 22)));
}

TEST_CASE("a HelloVerifyRequest is smaller than any ClientHello with a session id") {
  HelloParts parts;
  parts.sessionId.resize(1);
  parts.ciphers.resize(2);
  parts.withExtensions = false;
  parts.recordSequence = 0x0102030405;
  const Bytes datagram = clientHello(parts);
  ClientHello hello;
  REQUIRE(parseClientHello(datagram, hello));
  std::array<uint8_t, kDtlsCookie> cookie;
  cookie.fill(0x3c);
  const Bytes answer = helloVerifyRequest(hello, cookie);
  CHECK(answer.size() <= datagram.size());
  Bytes body = {0xfe, 0xff, kDtlsCookie};
  append(body, Bytes(kDtlsCookie, 0x3c));
  CHECK(answer == record(22, 0, 0x0102030405, message(3, 0, body), 0xfeff));
}
