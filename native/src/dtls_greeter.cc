#include "dtls_greeter.h"

#include "dtls_cipher.h"

namespace postern {
namespace {

// Messages of a client that was asked for a cookie, and of one that was not (RFC 6347 section 4.2.2).
constexpr uint16_t kFirst = 0, kSecond = 1;

}  // namespace

Greeting greet(ByteView datagram, const UdpPeer& peer, uint64_t nowMs, const DtlsTable& table, DtlsCookies& cookies) {
  Greeting greeting;
  ClientHello hello;
  if (!parseClientHello(datagram, hello) || hello.version != kDtls12 || hello.sessionId.empty()) return greeting;
  bool helloVerify = true;
  if (table.tunnelOf(hello.sessionId, helloVerify) == 0) return greeting;
  if (hello.cookie.empty() ? helloVerify : !cookies.check(peer, hello, nowMs)) {
    greeting.verdict = hello.cookie.empty() ? Greeting::Verdict::kVerify : Greeting::Verdict::kRefused;
    greeting.answer = helloVerifyRequest(hello, cookies.make(peer, hello, nowMs));
    return greeting;
  }
  if (hello.messageSequence != (hello.cookie.empty() ? kFirst : kSecond)) return greeting;
  greeting.candidate = table.find(hello.sessionId);
  if (greeting.candidate) greeting.verdict = Greeting::Verdict::kHandshake;
  return greeting;
}

}  // namespace postern
