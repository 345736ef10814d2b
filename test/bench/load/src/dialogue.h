// From the first request to CONNECT's answer (reference protocol sections 2, 3, 7, cisco section 1).
#pragma once
#include "tls_client.h"

namespace load {

struct Agent {
  std::string userAgent;
  bool cisco = false;
};
// `openconnect` or `cisco`.
Agent agentOf(const std::string& name);

struct Credentials {
  std::string user, password, group;
};

// Walks through the forms; returns the cookie. Throws with the gateway's words when it is refused.
std::string login(TlsClient& client, const Agent& agent, const std::string& host, const std::string& path, const Credentials& credentials);

// What the client offers for DTLS.
struct Offer {
  enum class Mode : uint8_t { kNone, kPsk, kResumed, kAny };
  Mode mode = Mode::kAny;
  // Resumed: the one suite offered; empty for the agent's whole lists.
  std::string suite;
  Bytes masterSecret;  // 48
  int baseMtu = 1500;
  // Addresses of the tunnel this one replaces.
  std::vector<std::string> addresses;
};

// What CONNECT's answer grants.
struct Grant {
  HttpAnswer answer;
  std::string ipv4, ipv6;
  int mtu = 0, dpdSec = 0;
  // None: no DTLS.
  Offer::Mode dtls = Offer::Mode::kNone;
  Bytes id;            // App-ID or Session-ID
  std::string cipher;  // resumed: OpenSSL's name
  uint16_t port = 0;
};

// Throws unless the gateway answers 200.
Grant connectTunnel(TlsClient& client, const Agent& agent, const std::string& host, const std::string& cookie, const Offer& offer);

}  // namespace load
