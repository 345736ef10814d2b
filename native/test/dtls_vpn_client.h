// The DTLS half of a client of the data workers: a UDP socket of its own, a handshake of OpenSSL, frames.
#pragma once
#include "dtls_client.h"
#include "gateway.h"

namespace postern::test {

// The UDP port of all gateways of a test; each test has a network of its own process.
inline constexpr uint16_t kDtlsPort = 4433;

inline std::shared_ptr<const DtlsOffer> pskOffer(uint8_t id, std::string ciphers = "PSK-AES256-GCM-SHA384") {
  auto offer = std::make_shared<DtlsOffer>();
  offer->id = Bytes(32, id);
  offer->ciphers = std::move(ciphers);
  return offer;
}

inline Bytes exporterOf(SSL* ssl) {
  Bytes psk(32);
  constexpr char kLabel[] = "EXPORTER-openconnect-psk";
  check(SSL_export_keying_material(ssl, psk.data(), psk.size(), kLabel, sizeof kLabel - 1, nullptr, 0, 0) == 1, "exporter");
  return psk;
}

class DtlsVpnClient {
 public:
  // To the gateway's `address`. A key of 48 bytes is a master secret: a resumed session.
  DtlsVpnClient(uint8_t id, Bytes psk, const std::string& address = "127.0.0.1", std::string ciphers = "PSK-AES256-GCM-SHA384")
      : client_({.mode = psk.size() == 48 ? DtlsOffer::Mode::kResumed : DtlsOffer::Mode::kPsk, .id = Bytes(32, id), .secret = std::move(psk), .ciphers = std::move(ciphers)}) {
    v6_ = address.find(':') != std::string::npos;
    if (v6_) {
      auto& a = reinterpret_cast<sockaddr_in6&>(to_);
      a.sin6_family = AF_INET6;
      a.sin6_port = htons(kDtlsPort);
      ::inet_pton(AF_INET6, address.c_str(), &a.sin6_addr);
    } else {
      auto& a = reinterpret_cast<sockaddr_in&>(to_);
      a.sin_family = AF_INET;
      a.sin_port = htons(kDtlsPort);
      ::inet_pton(AF_INET, address.c_str(), &a.sin_addr);
    }
    rebind();
  }
  ~DtlsVpnClient() { ::close(fd_); }
  // The same channel from another port.
  void rebind() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = ::socket(to_.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    // Connected: an answer from any other address never arrives.
    check(::connect(fd_, reinterpret_cast<sockaddr*>(&to_), v6_ ? sizeof(sockaddr_in6) : sizeof(sockaddr_in)) == 0, "connect udp");
  }
  DtlsVpnClient(const DtlsVpnClient&) = delete;
  int fd() const { return fd_; }

  // True when the handshake is over.
  bool connect(int ms = 5000) {
    send(client_.step());
    for (int waited = 0; !client_.done && !client_.failed && waited < ms;) {
      const auto datagram = raw(20);
      if (!datagram) waited += 20;
      send(datagram ? client_.step(*datagram) : client_.tick());
    }
    return client_.done;
  }
  Bytes record(uint8_t type, ByteView payload) {
    Bytes plain{type};
    plain.insert(plain.end(), payload.begin(), payload.end());
    return client_.write(plain).at(0);
  }
  void send(uint8_t type, ByteView payload) { sendRaw(record(type, payload)); }
  void sendRaw(ByteView datagram) { [[maybe_unused]] const ssize_t n = ::send(fd_, datagram.data(), datagram.size(), 0); }
  void closeNotify() {
    SSL_shutdown(client_.ssl);
    send(client_.port.out);
    client_.port.out.clear();
  }
  // The next frame, type byte first; nothing after `ms`.
  std::optional<Bytes> receive(int ms = 2000) {
    for (;;) {
      const auto datagram = raw(ms);
      if (!datagram) return std::nullopt;
      Bytes plain = client_.read(*datagram);
      if (!plain.empty()) return plain;
    }
  }
  std::optional<Bytes> receive(uint8_t type, int ms = 2000) {
    for (;;) {
      auto frame = receive(ms);
      if (!frame || (*frame)[0] == type) return frame;
    }
  }

 private:
  std::optional<Bytes> raw(int ms) {
    pollfd p{fd_, POLLIN, 0};
    if (::poll(&p, 1, ms) <= 0) return std::nullopt;
    Bytes datagram(65536);
    const ssize_t n = ::recv(fd_, datagram.data(), datagram.size(), MSG_DONTWAIT);
    if (n < 0) return std::nullopt;
    datagram.resize(static_cast<size_t>(n));
    return datagram;
  }
  void send(const std::vector<Bytes>& datagrams) {
    for (const Bytes& datagram : datagrams) sendRaw(datagram);
  }
  DtlsClient client_;
  sockaddr_storage to_{};
  bool v6_ = false;
  int fd_ = -1;
};

}  // namespace postern::test
