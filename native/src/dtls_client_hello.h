// The first datagram of a DTLS client, taken apart with every length checked, and the stateless answer to it
// (RFC 6347 sections 4.2.1, 4.3.2). Sans I/O.
#pragma once
#include <array>

#include "bytes.h"

namespace postern {

struct ClientHello {
  uint64_t recordSequence = 0;  // 48 bits of epoch 0
  uint16_t messageSequence = 0;
  uint16_t version = 0;         // client_version of the body: 0xfefd = DTLS 1.2
  ByteView random;              // 32 bytes
  ByteView sessionId;           // 0 to 32
  ByteView cookie;              // 0 to 255
  ByteView ciphers;             // pairs
};

// True when the datagram begins with one handshake record of epoch 0 that holds exactly one whole, unfragmented ClientHello.
// The views lie in `datagram`.
bool parseClientHello(ByteView datagram, ClientHello& into) noexcept;

// Does the datagram begin with a record that a handshake has to see? Handshake messages, ChangeCipherSpec and alerts of
// epoch 0; Finished, the one message of epoch 1, which some clients send in a datagram of its own.
bool isDtlsHandshake(ByteView datagram) noexcept;

inline constexpr size_t kDtlsCookie = 32;
// HelloVerifyRequest that answers `hello`; the record sequence is the client's.
Bytes helloVerifyRequest(const ClientHello& hello, const std::array<uint8_t, kDtlsCookie>& cookie);

}  // namespace postern
