// Whatever a stranger sends: the parser stays within the datagram, what it takes is what a HelloVerifyRequest may answer,
// the greeting keeps its rules, and a handshake that is fed with the bytes ends or goes on.
#include <cstdlib>

#include "dtls_greeter.h"
#include "dtls_handshake_set.h"

using namespace postern;

namespace {
constexpr uint64_t kNow = 1'000'000;

void check(bool good) {
  if (!good) std::abort();
}
bool within(ByteView part, ByteView whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

struct Nowhere final : DatagramSender {
  void send(const UdpPeer&, ByteView) noexcept override {}
};

void greetWithSession(ByteView datagram, const ClientHello& hello) {
  static DtlsCookies cookies;
  for (const bool helloVerify : {true, false}) {
    auto offer = std::make_shared<DtlsOffer>();
    offer->id.assign(hello.sessionId.begin(), hello.sessionId.end());
    offer->ciphers = "PSK-AES256-GCM-SHA384";
    offer->helloVerify = helloVerify;
    DtlsTable table;
    table.enter({7, 0, offer, DtlsSecret(Bytes(32, 1))});
    const Greeting greeting = greet(datagram, {}, kNow, table, cookies);
    check(greeting.answer.size() <= datagram.size());
    const bool begins = greeting.verdict == Greeting::Verdict::kHandshake;
    check(begins == greeting.candidate.has_value());
    if (begins) check(!helloVerify && hello.cookie.empty());  // nobody can guess a cookie
  }
}

// The whole input as datagrams of one peer, each behind its length.
void shake(ByteView input) {
  static Nowhere nowhere;
  static DtlsHandshakes::Context context{nowhere, [](auto) {}, 1500, {}};
  StatBlock stats;
  DtlsHandshakeSet set(context, stats);
  auto offer = std::make_shared<DtlsOffer>();
  offer->id = {1};
  offer->ciphers = "PSK-AES256-GCM-SHA384";
  for (bool first = true; input.size() >= 2; first = false) {
    const size_t length = std::min<size_t>(input[0] << 8 | input[1], input.size() - 2);
    const Bytes datagram(input.begin() + 2, input.begin() + 2 + static_cast<ptrdiff_t>(length));
    if (first) set.begin({}, {7, 0, offer, DtlsSecret(Bytes(32, 1))}, datagram, kNow);
    else set.datagram({}, datagram, kNow);
    input = input.subspan(2 + length);
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView datagram(data, size);
  isDtlsHandshake(datagram);
  ClientHello hello;
  if (parseClientHello(datagram, hello)) {
    check(hello.random.size() == 32 && hello.sessionId.size() <= 32 && hello.cookie.size() <= 255);
    check(!hello.ciphers.empty() && hello.ciphers.size() % 2 == 0 && hello.recordSequence >> 48 == 0);
    for (const ByteView part : {hello.random, hello.sessionId, hello.cookie, hello.ciphers}) check(within(part, datagram));
    if (!hello.sessionId.empty()) greetWithSession(datagram, hello);
  }
  shake(datagram);
  return 0;
}
