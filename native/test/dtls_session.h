// A tunnel with an offer of DTLS, and its client's two ends.
#pragma once
#include "dtls_vpn_client.h"

namespace postern::test {

inline Bytes text(const char* s) { return Bytes(s, s + std::strlen(s)); }
inline Bytes payloadOf(const Bytes& frame, size_t headers) { return Bytes(frame.begin() + static_cast<ptrdiff_t>(1 + headers), frame.end()); }
inline constexpr size_t kHeaders = 28;

inline TunnelSpec specWith(uint8_t host) {
  TunnelSpec spec = Gateway::spec(host);
  spec.dtls = pskOffer(host);
  return spec;
}

struct Session {
  Session(Gateway& gateway, uint32_t tunnel, uint8_t host) : Session(gateway, tunnel, host, specWith(host)) {}
  Session(Gateway& gateway, uint32_t tunnel, uint8_t host, const TunnelSpec& spec) : id(host) {
    const TlsPair pair = connectTls();
    psk = exporterOf(pair.client);
    tls = gateway.connect(tunnel, spec, pair);
  }
  std::unique_ptr<DtlsVpnClient> udp(const std::string& address = "127.0.0.1") { return std::make_unique<DtlsVpnClient>(id, psk, address); }
  uint8_t id;
  Bytes psk;
  std::unique_ptr<VpnClient> tls;
};

inline std::vector<Endpoint> loopback() { return {{"127.0.0.1", kDtlsPort}}; }

}  // namespace postern::test
