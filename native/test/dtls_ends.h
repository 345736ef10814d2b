// Both ends of a DTLS association without a handshake: the gateway's protection, and a client that seals and opens the
// records. And a kernel that takes and gives datagrams as the test says.
#pragma once
#include <netinet/in.h>
#include <netinet/udp.h>

#include <cerrno>
#include <cstring>
#include <deque>

#include "dtls_handshakes.h"
#include "udp_socket.h"

namespace postern::test {

inline DtlsKeys dtlsKeys(bool gateway, DtlsCipher cipher = DtlsCipher::kAes128Gcm, uint8_t seed = 0) {
  DtlsKeys keys;
  keys.cipher = cipher;
  std::memset(gateway ? keys.readKey : keys.writeKey, 0x11 + seed, sizeof keys.readKey);
  std::memset(gateway ? keys.writeKey : keys.readKey, 0x22 + seed, sizeof keys.readKey);
  std::memset(gateway ? keys.readIv : keys.writeIv, 0x33, sizeof keys.readIv);
  std::memset(gateway ? keys.writeIv : keys.readIv, 0x44, sizeof keys.readIv);
  keys.writeSequence = keys.writeNonce = 100;
  return keys;
}

class DtlsEnd {
 public:
  explicit DtlsEnd(DtlsCipher cipher = DtlsCipher::kAes128Gcm, uint8_t seed = 0) : protection_(createAeadProtection(dtlsKeys(false, cipher, seed))) {}
  Bytes record(DtlsContent type, ByteView plain) {
    Bytes bytes(plain.size() + protection_->overhead());
    std::copy(plain.begin(), plain.end(), bytes.begin() + static_cast<ptrdiff_t>(protection_->prefix()));
    bytes.resize(protection_->seal(bytes.data(), type, plain.size()));
    return bytes;
  }
  // Type byte and payload.
  Bytes frame(uint8_t type, ByteView payload) {
    Bytes plain{type};
    plain.insert(plain.end(), payload.begin(), payload.end());
    return record(DtlsContent::kData, plain);
  }
  // The plaintext of one record; empty when it does not open.
  Bytes open(Bytes bytes) {
    ByteSpan plain;
    DtlsContent type{};
    if (protection_->open(bytes, plain, type) != DtlsProtection::Opened::kData) return {};
    return Bytes(plain.begin(), plain.end());
  }

 private:
  std::unique_ptr<DtlsProtection> protection_;
};

inline UdpPeer udpPeer(uint16_t port) {
  UdpPeer peer;
  peer.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
  peer.local = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  peer.port = port;
  return peer;
}

inline DtlsReady dtlsReady(uint32_t tunnel, uint16_t port, std::shared_ptr<const DtlsOffer> offer, DtlsCipher cipher = DtlsCipher::kAes128Gcm, uint8_t seed = 0) {
  DtlsReady ready;
  ready.tunnel = tunnel;
  ready.association = port;
  ready.peer = udpPeer(port);
  ready.offer = std::move(offer);
  ready.cipher = "TEST-SUITE";
  ready.protection = createAeadProtection(dtlsKeys(true, cipher, seed));
  return ready;
}

class FakeKernel final : public UdpKernel {
 public:
  struct Sent {
    uint16_t port;
    size_t segment;  // 0 = one datagram
    Bytes bytes;
    std::vector<Bytes> datagrams() const {
      std::vector<Bytes> all;
      for (size_t at = 0; at < bytes.size(); at += all.back().size()) {
        const size_t length = segment == 0 ? bytes.size() : std::min(segment, bytes.size() - at);
        all.emplace_back(bytes.begin() + static_cast<ptrdiff_t>(at), bytes.begin() + static_cast<ptrdiff_t>(at + length));
      }
      return all;
    }
  };
  struct Arrival {
    uint16_t port;
    size_t segment;  // 0 = no control message
    Bytes bytes;
  };
  std::vector<Sent> sent;      // accepted
  std::deque<Arrival> arriving;
  size_t calls = 0;
  int code = 0;                // every send fails with it
  int runCode = 0;             // every send of several datagrams
  size_t longest = SIZE_MAX;   // EMSGSIZE above
  size_t path = 0;             // what it says of the path to anybody

  size_t pathMtu(const UdpPeer&) noexcept override { return path; }

  ssize_t send(int, const msghdr& message) noexcept override {
    ++calls;
    Sent s{ntohs(static_cast<const sockaddr_in*>(message.msg_name)->sin_port), 0, {}};
    const auto* bytes = static_cast<const uint8_t*>(message.msg_iov->iov_base);
    s.bytes.assign(bytes, bytes + message.msg_iov->iov_len);
    for (cmsghdr* m = CMSG_FIRSTHDR(&message); m != nullptr; m = CMSG_NXTHDR(const_cast<msghdr*>(&message), m)) {
      uint16_t segment;
      std::memcpy(&segment, CMSG_DATA(m), sizeof segment);
      if (m->cmsg_level == SOL_UDP && m->cmsg_type == UDP_SEGMENT) s.segment = segment;
    }
    errno = code != 0 ? code : s.segment != 0 && runCode != 0 ? runCode : (s.segment != 0 ? s.segment : s.bytes.size()) > longest ? EMSGSIZE : 0;
    if (errno != 0) return -1;
    sent.push_back(std::move(s));
    return static_cast<ssize_t>(message.msg_iov->iov_len);
  }

  ssize_t receive(int, msghdr& message) noexcept override {
    if (arriving.empty()) {
      errno = EAGAIN;
      return -1;
    }
    const Arrival a = std::move(arriving.front());
    arriving.pop_front();
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_port = htons(a.port);
    from.sin_addr.s_addr = htonl(0xc0000201);
    std::memcpy(message.msg_name, &from, sizeof from);
    std::copy(a.bytes.begin(), a.bytes.end(), static_cast<uint8_t*>(message.msg_iov->iov_base));
    message.msg_controllen = a.segment == 0 ? 0 : CMSG_SPACE(sizeof(int));
    if (a.segment != 0) {
      cmsghdr* m = CMSG_FIRSTHDR(&message);
      m->cmsg_level = SOL_UDP;
      m->cmsg_type = UDP_GRO;
      m->cmsg_len = CMSG_LEN(sizeof(int));
      const int segment = static_cast<int>(a.segment);
      std::memcpy(CMSG_DATA(m), &segment, sizeof segment);
    }
    return static_cast<ssize_t>(a.bytes.size());
  }
};

}  // namespace postern::test
