// Cookies of HelloVerifyRequest: HMAC-SHA256 of address, port, session_id and client random under a secret that rotates. A
// cookie is good for its own period and the next. One instance for all workers; rotation takes a mutex, checking does not.
#pragma once
#include <array>
#include <memory>

#include "dtls_client_hello.h"
#include "udp_peer.h"

namespace postern {

class DtlsCookies {
 public:
  static constexpr uint64_t kPeriodMs = 60'000;  // implementation constant
  DtlsCookies();
  ~DtlsCookies();
  std::array<uint8_t, kDtlsCookie> make(const UdpPeer& peer, const ClientHello& hello, uint64_t nowMs) noexcept;
  bool check(const UdpPeer& peer, const ClientHello& hello, uint64_t nowMs) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern
