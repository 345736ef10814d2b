// `attack`: datagrams of strangers, as fast as asked for: none of them has a session. Counts what comes back for them.
#include <openssl/rand.h>
#include <poll.h>

#include <algorithm>
#include <memory>

#include "commands.h"
#include "flow.h"
#include "gso.h"
#include "json.h"
#include "record.h"

namespace load {
namespace {

// As GnuTLS's openconnect sends it (reference protocol section 9.3), with an id nobody was given; a cookie of that length.
Bytes clientHello(size_t cookieLength) {
  Bytes body = {0xfe, 0xfd};
  body.resize(body.size() + 32);
  body.push_back(32);
  body.resize(body.size() + 32);
  body.push_back(uint8_t(cookieLength));
  body.resize(body.size() + cookieLength);
  for (const uint8_t byte : {0, 4, 0x00, 0xa9, 0x00, 0xa8, 1, 0, 0, 5, 0xff, 1, 0, 1, 0}) body.push_back(byte);
  Bytes datagram(kRecordHeader + 12 + body.size());
  datagram[0] = kHandshake;
  put16(&datagram[1], 0xfeff);
  put16(&datagram[11], 12 + body.size());
  datagram[13] = 1;
  put16(&datagram[15], body.size());
  put16(&datagram[23], body.size());
  std::copy(body.begin(), body.end(), datagram.begin() + kRecordHeader + 12);
  return datagram;
}

constexpr size_t kRandom = kRecordHeader + 12 + 2, kId = kRandom + 33, kCookie = kId + 33;

Bytes make(const std::string& kind) {
  if (kind == "hello") return clientHello(0);
  if (kind == "cookie") return clientHello(20);
  if (kind == "junk") return Bytes(200);
  if (kind == "record") {
    // Protected, it says; nobody shares a key with it.
    Bytes datagram(1300);
    datagram[0] = kApplicationData;
    put16(&datagram[1], 0xfefd);
    put16(&datagram[3], 1);
    put16(&datagram[11], datagram.size() - kRecordHeader);
    return datagram;
  }
  throw Failure("no such attack: " + kind + "; there is hello, cookie, junk and record");
}

void vary(const std::string& kind, Bytes& datagram, uint64_t number) {
  if (kind == "hello" || kind == "cookie") {
    RAND_bytes(&datagram[kRandom], 32);
    RAND_bytes(&datagram[kId], 32);
    if (kind == "cookie") RAND_bytes(&datagram[kCookie], 20);
  } else if (kind == "record") {
    put48(&datagram[5], number);
  } else {
    RAND_bytes(datagram.data(), int(datagram.size()));
  }
}

}  // namespace

int runAttack(const Options& options) {
  const std::string kind = options.words.empty() ? "hello" : options.words[0];
  const auto sources = options.list("source");
  const Endpoint to = endpointOf(options.text("udp-server", options.text("server")), uint16_t(options.number("udp-port", 443)));
  const double rate = options.number("rate", 10'000), seconds = options.number("seconds", 3);
  raiseDescriptorLimit();
  std::vector<Socket> sockets;
  std::vector<pollfd> waits;
  for (int i = 0; i < 64; ++i) {
    sockets.push_back(openUdp(to, sources.empty() ? "" : sources[size_t(i) % sources.size()], 1 << 20));
    waits.push_back({sockets.back().fd(), POLLIN, 0});
  }
  Bytes datagram = make(kind);
  uint64_t sent = 0, sentBytes = 0, answers = 0, answerBytes = 0, helloVerifies = 0;
  const uint64_t started = nowNs(), end = started + uint64_t(seconds * 1e9);
  auto buffer = std::make_unique<uint8_t[]>(65536);
  const auto listen = [&](int ms) {
    if (poll(waits.data(), waits.size(), ms) <= 0) return;
    for (const pollfd& wait : waits) {
      if (!wait.revents) continue;
      for (long n; (n = ::recv(wait.fd, buffer.get(), 65536, MSG_DONTWAIT)) >= 0;) {
        ++answers, answerBytes += uint64_t(n);
        helloVerifies += n > long(kRecordHeader) && buffer[0] == kHandshake && buffer[kRecordHeader] == 3;
      }
    }
  };
  for (uint64_t now; (now = nowNs()) < end;) {
    const uint64_t due = uint64_t(rate * double(now - started) / 1e9);
    for (int burst = 0; sent < due && burst < 64; ++burst) {
      vary(kind, datagram, sent);
      if (::send(sockets[sent % sockets.size()].fd(), datagram.data(), datagram.size(), MSG_NOSIGNAL) > 0) sentBytes += datagram.size();
      ++sent;
    }
    listen(sent < due ? 0 : 1);
  }
  listen(200);
  Json()
      .add("ok", answerBytes <= sentBytes).add("sent", sent).add("sentBytes", sentBytes).add("answers", answers).add("answerBytes", answerBytes)
      .add("helloVerifies", helloVerifies).add("amplification", double(answerBytes) / double(sentBytes))
      .print();
  return answerBytes <= sentBytes ? 0 : 1;
}

}  // namespace load
