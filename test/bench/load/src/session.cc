#include "session.h"

#include <openssl/rand.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>

namespace load {
namespace {

Offer::Mode modeOf(const std::string& text) {
  if (text == "psk") return Offer::Mode::kPsk;
  if (text == "resumed") return Offer::Mode::kResumed;
  if (text == "tls") return Offer::Mode::kNone;
  if (text == "any") return Offer::Mode::kAny;
  throw Failure("no such mode: " + text + "; there is psk, resumed, any and tls");
}

const char* const kPskSuites = "PSK-AES256-GCM-SHA384:PSK-CHACHA20-POLY1305:PSK-AES128-GCM-SHA256";

}  // namespace

Plan::Plan(const Options& options)
    : host(options.text("server")),
      udpHost(options.text("udp-server", host)),
      port(uint16_t(options.number("port", 443))),
      udpPort(uint16_t(options.number("udp-port", 0))),
      path(options.text("path", "/")),
      sources(options.list("source")),
      agent(agentOf(options.text("agent"))),
      mode(modeOf(options.text("mode", "psk"))),
      suite(options.text("suite")),
      ems(options.has("ems")),
      drop{DropPlan::parse(options.text("drop")), DropPlan::parse(options.text("drop-in"))},
      limitSec(int(options.number("limit", 20))),
      handshakeLimitMs(int(options.number("limit", 12) * 1000)),
      baseMtu(int(options.number("base-mtu", 1500))),
      socketBuffer(0),
      user(options.text("user")),
      group(options.text("group")),
      users(int(options.number("users", 1))),
      tls(tlsContext(options.text("tls"))) {
  if (host.empty()) throw Failure("--server is missing");
  if (options.has("password-stdin")) std::getline(std::cin, password);
  if (options.has("cookies")) {
    std::ifstream file(options.text("cookies"));
    if (!file) throw Failure("cannot read " + options.text("cookies"));
    for (std::string line; std::getline(file, line);)
      if (!line.empty()) cookies.push_back(line);
  } else if (user.empty()) {
    throw Failure("--user or --cookies is missing");
  }
}

Credentials Plan::credentials(int number) const {
  std::string name = user;
  if (const size_t at = name.find("%d"); at != std::string::npos) name.replace(at, 2, std::to_string(number % std::max(1, users)));
  return {name, password, group};
}

Session::Session(const Plan& plan, int number) : plan(plan), number(number), masterSecret_(48) {
  RAND_bytes(masterSecret_.data(), int(masterSecret_.size()));
  if (!plan.cookies.empty()) {
    if (size_t(number) >= plan.cookies.size()) throw Failure("no cookie for session " + std::to_string(number));
    cookie = plan.cookies[size_t(number)];
  }
  connect();
}

void Session::connect() {
  tls = std::make_unique<TlsClient>(plan.tls.get(), endpointOf(plan.host, plan.port), plan.source(number), plan.limitSec);
  if (cookie.empty()) cookie = login(*tls, plan.agent, plan.host, plan.path, plan.credentials(number));
  Offer offer{plan.mode, plan.suite, masterSecret_, plan.baseMtu, {}};
  for (const std::string& address : {grant.ipv4, grant.ipv6})
    if (!address.empty()) offer.addresses.push_back(address);
  grant = connectTunnel(*tls, plan.agent, plan.host, cookie, offer);
  if (!grant.ipv4.empty()) ipv4 = Address::parse(grant.ipv4);
  if (!grant.ipv6.empty()) ipv6 = Address::parse(grant.ipv6);
}

void Session::openDtls() {
  if (grant.dtls == Offer::Mode::kNone) throw Failure("the gateway grants no DTLS");
  DtlsPlan wanted;
  wanted.mode = grant.dtls;
  wanted.id = grant.id;
  wanted.ems = plan.ems;
  wanted.drop = plan.drop;
  wanted.limitMs = plan.handshakeLimitMs;
  wanted.secret = grant.dtls == Offer::Mode::kPsk ? tls->exporter() : masterSecret_;
  wanted.suites = grant.dtls == Offer::Mode::kResumed ? grant.cipher : plan.suite.empty() ? kPskSuites : plan.suite;
  auto opened = std::make_unique<Association>(plan.dtls, openUdp(plan.udp(grant.port), plan.source(number), plan.socketBuffer), wanted);
  dtls = std::move(opened);
}

void Session::probeMtu() {
  Bytes padding(size_t(std::max(grant.mtu, 64)));
  RAND_bytes(padding.data(), 4);
  for (int attempt = 0; attempt < 3; ++attempt) {
    send(true, kDpdOut, padding);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1 << attempt);
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
      pollfd wait{dtls->fd(), POLLIN, 0};
      if (left <= 0 || poll(&wait, 1, int(left)) <= 0) break;
      uint8_t datagram[4096];
      const long n = ::recv(dtls->fd(), datagram, sizeof datagram, MSG_DONTWAIT);
      uint8_t* at = datagram;
      for (size_t length = n > 0 ? size_t(n) : 0; length > 0;) {
        View plain;
        if (dtls->open(at, length, plain) != Association::Opened::kData || plain.empty() || plain[0] != kDpdResp) continue;
        if (plain.size() == padding.size() + 1 && std::equal(padding.begin(), padding.end(), plain.begin() + 1)) return;
        throw Failure("DTLS: a padded probe of " + std::to_string(padding.size()) + " bytes came back as " + std::to_string(plain.size() - 1));
      }
    }
  }
  throw Failure("DTLS: no answer to the MTU probe");
}

void Session::reconnect() {
  dtls.reset();
  tls->drop();
  connect();
}

void Session::bye() {
  static const char text[] = "\xb0" "Aborted by caller";
  tls->frame(kDisconnect, View(reinterpret_cast<const uint8_t*>(text), sizeof text - 1));
  SSL_shutdown(tls->ssl());
  tls->drop();
  dtls.reset();
}

void Session::send(bool overDtls, uint8_t type, View payload) {
  if (!overDtls) return tls->frame(type, payload);
  if (!dtls) throw Failure("there is no DTLS channel");
  Bytes plain = {type};
  plain.insert(plain.end(), payload.begin(), payload.end());
  dtls->send(kApplicationData, plain);
}

Json Session::describe() const {
  Json json;
  json.add("tls", Json().add("version", tls->version()).add("cipher", tls->cipher()));
  json.add("ipv4", grant.ipv4).add("ipv6", grant.ipv6).add("mtu", grant.mtu).add("dpdSec", grant.dpdSec);
  json.add("granted", grant.dtls == Offer::Mode::kPsk ? "psk" : grant.dtls == Offer::Mode::kResumed ? "resumed" : "none");
  if (dtls) {
    const AssociationFacts& facts = dtls->facts;
    json.add("dtls", Json().add("version", facts.version).add("cipher", facts.cipher).add("resumed", facts.resumed).add("helloVerified", facts.helloVerified)
                         .add("ms", facts.ms).add("datagramsOut", facts.datagramsOut).add("datagramsIn", facts.datagramsIn));
  }
  return json;
}

}  // namespace load
