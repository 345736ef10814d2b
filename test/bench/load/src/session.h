// One client: its login, its tunnel, its DTLS association.
#pragma once
#include <memory>

#include "association.h"
#include "inner.h"
#include "json.h"
#include "options.h"

namespace load {

constexpr uint8_t kData = 0, kDpdOut = 3, kDpdResp = 4, kDisconnect = 5, kKeepalive = 7, kTerminate = 9;

// What all clients of a command have in common, from the command line.
struct Plan {
  explicit Plan(const Options& options);
  std::string host, udpHost;
  uint16_t port, udpPort;  // 0: what CONNECT's answer says
  std::string path;
  std::vector<std::string> sources;
  Agent agent;
  Offer::Mode mode;
  std::string suite;
  bool ems;
  DropPlan drop;
  int limitSec, handshakeLimitMs, baseMtu;
  size_t socketBuffer;
  // `name%d` counts from 0 to users - 1.
  std::string user, password, group;
  int users;
  std::vector<std::string> cookies;
  SslContext tls;
  DtlsContexts dtls;

  // Where a session's datagrams go.
  Endpoint udp(uint16_t granted) const { return endpointOf(udpHost, udpPort != 0 ? udpPort : granted); }
  Credentials credentials(int number) const;
  std::string source(int number) const { return sources.empty() ? "" : sources[size_t(number) % sources.size()]; }
};

class Session {
 public:
  // Logs in unless the plan has a cookie for this number; opens the tunnel. Throws what went wrong.
  Session(const Plan& plan, int number);

  // The DTLS channel that CONNECT granted; throws when it granted none. Replaces the present one.
  void openDtls();
  // Speaks first, as openconnect does with its MTU probe: a padded DPD that must come back whole. Until then a gateway need
  // not believe that the client has all it needs of the handshake. Before unblock(); throws when no answer comes.
  void probeMtu();
  // A new TLS connection with the same cookie; the old one and the DTLS channel are dropped.
  void reconnect();
  // DISCONNECT `b0`, close_notify, and the end of both channels.
  void bye();

  void send(bool dtls, uint8_t type, View payload);

  const Plan& plan;
  const int number;
  std::string cookie;
  std::unique_ptr<TlsClient> tls;
  std::unique_ptr<Association> dtls;
  Grant grant;
  Address ipv4, ipv6;

  Json describe() const;

 private:
  void connect();
  Bytes masterSecret_;
};

}  // namespace load
