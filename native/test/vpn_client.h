// A client of the data workers: the far end of a promoted connection. As strict as openconnect: one frame per record.
#pragma once
#include <poll.h>

#include <optional>
#include <string>

#include "cstp.h"
#include "tls_pair.h"

namespace postern::test {

struct ClientFrame {
  uint8_t type;
  Bytes payload;
};

class VpnClient {
 public:
  explicit VpnClient(const TlsPair& pair) : fd_(pair.clientFd), ssl_(pair.client) {}
  ~VpnClient() { hangUp(); }
  VpnClient(const VpnClient&) = delete;
  VpnClient& operator=(const VpnClient&) = delete;

  void hangUp() {
    SSL_free(ssl_);
    if (fd_ >= 0) ::close(fd_);
    ssl_ = nullptr;
    fd_ = -1;
  }
  int fd() const { return fd_; }
  SSL* ssl() const { return ssl_; }

  static Bytes frame(cstp::Type type, ByteView payload) {
    Bytes bytes(cstp::kHeader);
    cstp::writeHeader(bytes.data(), type, static_cast<uint16_t>(payload.size()));
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
  }
  // One TLS record for each 16 KiB; false when the gateway is gone.
  bool sendRaw(ByteView bytes) {
    ERR_clear_error();
    return bytes.empty() || SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  }
  bool send(cstp::Type type, ByteView payload) { return sendRaw(frame(type, payload)); }

  // The plaintext of one record; nothing when the stream has ended (see ended()) or 5 s have passed.
  std::optional<Bytes> record() {
    ERR_clear_error();
    Bytes bytes(16384);
    const int n = SSL_read(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    if (n <= 0) {
      closeNotify_ = SSL_get_error(ssl_, n) == SSL_ERROR_ZERO_RETURN;
      return std::nullopt;
    }
    bytes.resize(static_cast<size_t>(n));
    return bytes;
  }
  std::optional<ClientFrame> receive() {
    const auto bytes = record();
    if (!bytes) return std::nullopt;
    check(bytes->size() >= cstp::kHeader && std::memcmp(bytes->data(), cstp::kMagic, 4) == 0, "no CSTP header");
    check(bytes->size() == cstp::kHeader + static_cast<size_t>((*bytes)[4] << 8 | (*bytes)[5]), "not one frame in the record");
    check((*bytes)[7] == 0, "reserved byte");
    return ClientFrame{(*bytes)[6], Bytes(bytes->begin() + cstp::kHeader, bytes->end())};
  }
  std::optional<ClientFrame> receive(uint8_t type) {
    for (;;) {
      auto frame = receive();
      if (!frame || frame->type == type) return frame;
    }
  }
  // Bytes wait, within `ms`.
  bool readable(int ms) const {
    pollfd p{fd_, POLLIN, 0};
    return SSL_pending(ssl_) > 0 || ::poll(&p, 1, ms) > 0;
  }
  // The last receive ended with close_notify.
  bool closeNotify() const { return closeNotify_; }

 private:
  int fd_;
  SSL* ssl_;
  bool closeNotify_ = false;
};

}  // namespace postern::test
