// What a client sends behind our ServerHelloDone while two keys are possible: pieces held back, tried and handed to OpenSSL
// never end in anything but a handshake that goes on or fails. Each piece: length (1 byte), bytes.
#include <openssl/crypto.h>

#include <cstdlib>

#include "dtls_client.h"
#include "dtls_handshake.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static DtlsContexts contexts;
  // The first flight of a client that nobody answers: the same for all.
  static const Bytes hello = [] {
    test::ClientConfig config;
    config.extendedMasterSecret = true;
    return test::DtlsClient(config).step().at(0);
  }();
  static const auto offer = [] {
    auto made = std::make_shared<DtlsOffer>();
    made->id = Bytes(32, 0x51);
    made->ciphers = "PSK-AES256-GCM-SHA384";
    made->formerSecret = Bytes(32, 0x24);
    return made;
  }();
  DtlsCandidate candidate;
  candidate.offer = offer;
  candidate.secret = DtlsSecret(Bytes(32, 0x42));
  const auto handshake = DtlsHandshake::create(contexts, std::move(candidate), 1500, true);
  if (handshake == nullptr) std::abort();
  auto state = handshake->begin(hello, false);
  if (state != DtlsHandshake::State::kRunning) std::abort();
  while (size > 1 && state == DtlsHandshake::State::kRunning) {
    const size_t length = std::min<size_t>(data[0], size - 1);
    state = handshake->feed({data + 1, length});
    data += 1 + length;
    size -= 1 + length;
  }
  // Nobody has shown a key.
  if (state == DtlsHandshake::State::kDone) std::abort();
  handshake->take();
  return 0;
}
