// A client's handshake with ours, datagram by datagram, without sockets.
#pragma once
#include <doctest/doctest.h>

#include <cstring>
#include <utility>

#include "dtls_client.h"
#include "dtls_client_hello.h"
#include "dtls_handshake.h"
#include "dtls_hellos.h"

namespace postern::test {

// A client and our side of its handshake. The cookie is the gateway's business: here any will do.
struct Meeting {
  DtlsContexts contexts;
  DtlsClient client;
  std::unique_ptr<DtlsHandshake> handshake;
  DtlsHandshake::State state = DtlsHandshake::State::kRunning;
  std::vector<Bytes> toServer, toClient;
  size_t datagramsToClient = 0;

  Meeting(const ClientConfig& config, const DtlsCandidate& candidate, bool verify) : client(config) {
    handshake = DtlsHandshake::create(contexts, candidate, 1500, true);
    REQUIRE(handshake != nullptr);
    Bytes hello = client.step().at(0);
    if (verify) {
      ClientHello parsed;
      REQUIRE(parseClientHello(hello, parsed));
      hello = client.step(helloVerifyRequest(parsed, {1, 2, 3})).at(0);
      REQUIRE(parseClientHello(hello, parsed));
      CHECK(parsed.messageSequence == 1);
      CHECK(parsed.cookie.size() == kDtlsCookie);
    }
    state = handshake->begin(hello, verify);
    toClient = handshake->take();
  }
  // Carries datagrams until nobody has any.
  void run() {
    while (!toClient.empty() || !toServer.empty()) {
      for (const Bytes& datagram : std::exchange(toClient, {})) {
        ++datagramsToClient;
        for (Bytes& answer : client.step(datagram)) toServer.push_back(std::move(answer));
      }
      for (const Bytes& datagram : std::exchange(toServer, {})) {
        if (state != DtlsHandshake::State::kRunning) continue;
        state = handshake->feed(datagram);
        for (Bytes& answer : handshake->take()) toClient.push_back(std::move(answer));
      }
    }
  }
};

// Data in both directions under the keys that `agreed` took over.
inline void exchange(DtlsClient& client, DtlsAgreed& agreed) {
  for (int i = 0; i < 3; ++i) {
    const Bytes up(100, static_cast<uint8_t>(i));
    auto records = client.write(up);
    REQUIRE(records.size() == 1);
    ByteSpan plain;
    DtlsContent type{};
    REQUIRE(agreed.protection->open(records[0], plain, type) == DtlsProtection::Opened::kData);
    CHECK(type == DtlsContent::kData);
    CHECK(Bytes(plain.begin(), plain.end()) == up);

    const Bytes down(200, static_cast<uint8_t>(0x80 + i));
    Bytes record(down.size() + agreed.protection->overhead());
    std::memcpy(record.data() + agreed.protection->prefix(), down.data(), down.size());
    const size_t length = agreed.protection->seal(record.data(), DtlsContent::kData, down.size());
    REQUIRE(length > 0);
    CHECK(client.read(ByteView(record).first(length)) == down);
  }
}

}  // namespace postern::test
