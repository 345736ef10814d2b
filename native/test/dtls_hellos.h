// ClientHellos by hand, field by field, and peers to have sent them.
#pragma once
#include <cstring>

#include "byte_order.h"
#include "dtls_table.h"
#include "udp_peer.h"

namespace postern::test {

struct HelloParts {
  uint16_t recordVersion = 0xfeff;
  uint16_t epoch = 0;
  uint64_t recordSequence = 0;
  uint16_t messageSequence = 0;
  uint16_t version = 0xfefd;
  Bytes random = Bytes(32, 0xaa);
  Bytes sessionId = Bytes(32, 0x51);
  Bytes cookie;
  Bytes ciphers = {0x00, 0xa9, 0x00, 0xa8};
  Bytes compressions = {0};
  Bytes extensions = {0x00, 0x23, 0x00, 0x00};  // session_ticket
  bool withExtensions = true;
};

inline void append16(Bytes& to, size_t v) {
  to.push_back(static_cast<uint8_t>(v >> 8));
  to.push_back(static_cast<uint8_t>(v));
}
inline void append24(Bytes& to, size_t v) {
  to.push_back(static_cast<uint8_t>(v >> 16));
  append16(to, v);
}
inline void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

inline Bytes record(uint8_t type, uint16_t epoch, uint64_t sequence, const Bytes& body, uint16_t version = 0xfefd) {
  Bytes made = {type};
  append16(made, version);
  append16(made, epoch);
  append24(made, sequence >> 24);
  append24(made, sequence);
  append16(made, body.size());
  append(made, body);
  return made;
}

inline Bytes helloBody(const HelloParts& parts) {
  Bytes body;
  append16(body, parts.version);
  append(body, parts.random);
  body.push_back(static_cast<uint8_t>(parts.sessionId.size()));
  append(body, parts.sessionId);
  body.push_back(static_cast<uint8_t>(parts.cookie.size()));
  append(body, parts.cookie);
  append16(body, parts.ciphers.size());
  append(body, parts.ciphers);
  body.push_back(static_cast<uint8_t>(parts.compressions.size()));
  append(body, parts.compressions);
  if (parts.withExtensions) {
    append16(body, parts.extensions.size());
    append(body, parts.extensions);
  }
  return body;
}

inline Bytes message(uint8_t type, uint16_t sequence, const Bytes& body, size_t offset = 0, size_t whole = SIZE_MAX) {
  Bytes made = {type};
  append24(made, whole == SIZE_MAX ? body.size() : whole);
  append16(made, sequence);
  append24(made, offset);
  append24(made, body.size());
  append(made, body);
  return made;
}

inline Bytes clientHello(const HelloParts& parts) {
  return record(22, parts.epoch, parts.recordSequence, message(1, parts.messageSequence, helloBody(parts)), parts.recordVersion);
}

inline UdpPeer peerAt(uint8_t lastByte, uint16_t port) {
  UdpPeer peer;
  peer.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, lastByte};
  peer.local = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
  peer.port = port;
  return peer;
}

inline DtlsCandidate pskCandidate(uint32_t tunnel, const Bytes& id, const std::string& ciphers = "PSK-AES256-GCM-SHA384", uint8_t fill = 0x42) {
  auto offer = std::make_shared<DtlsOffer>();
  offer->id = id;
  offer->ciphers = ciphers;
  return {tunnel, 0, offer, DtlsSecret(Bytes(32, fill))};
}

inline DtlsCandidate resumedCandidate(uint32_t tunnel, const Bytes& id, const std::string& cipher, uint8_t fill = 0x42) {
  auto offer = std::make_shared<DtlsOffer>();
  offer->mode = DtlsOffer::Mode::kResumed;
  offer->id = id;
  offer->ciphers = cipher;
  offer->helloVerify = false;
  offer->masterSecret = Bytes(48, fill);
  return {tunnel, 0, offer, DtlsSecret(Bytes(48, fill))};
}

}  // namespace postern::test
