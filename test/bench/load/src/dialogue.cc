#include "dialogue.h"

#include <map>

namespace load {
namespace {

std::string between(const std::string& text, const std::string& open, const std::string& close, size_t from = 0) {
  const size_t start = text.find(open, from);
  if (start == std::string::npos) return {};
  const size_t end = text.find(close, start + open.size());
  return end == std::string::npos ? std::string{} : text.substr(start + open.size(), end - start - open.size());
}

std::string attribute(const std::string& tag, const std::string& name) { return between(tag, ' ' + name + "=\"", "\""); }

// Inside of every `<name …>` tag.
std::vector<std::string> tags(const std::string& text, const std::string& name) {
  std::vector<std::string> found;
  for (size_t at = 0; (at = text.find('<' + name + ' ', at)) != std::string::npos; ++at) {
    const size_t end = text.find('>', at);
    if (end == std::string::npos) break;
    found.push_back(text.substr(at, end - at));
  }
  return found;
}

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : std::string(1, c);
  return out;
}

std::string document(const std::string& type, const std::string& inner) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<config-auth client=\"vpn\" type=\"" + type +
         "\" aggregate-auth-version=\"2\"><version who=\"vpn\">v9.01-3</version><device-id>linux-64</device-id>" + inner + "</config-auth>";
}

HttpAnswer post(TlsClient& client, const Agent& agent, const std::string& host, const std::string& path, const std::string& cookies, const std::string& body) {
  client.write("POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + agent.userAgent +
               "\r\nX-Transcend-Version: 1\r\nX-Aggregate-Auth: 1\r\n" + (cookies.empty() ? "" : "Cookie: " + cookies + "\r\n") +
               "Content-Type: application/xml; charset=utf-8\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  return client.answer(false);
}

}  // namespace

Agent agentOf(const std::string& name) {
  if (name == "cisco") return {"Cisco AnyConnect VPN Agent for Windows 5.1.2.42", true};
  if (name == "openconnect" || name.empty()) return {"Open AnyConnect VPN Agent v9.01-3", false};
  throw Failure("no such agent: " + name + "; there is openconnect and cisco");
}

std::string login(TlsClient& client, const Agent& agent, const std::string& host, const std::string& path, const Credentials& credentials) {
  std::map<std::string, std::string> jar;
  HttpAnswer answer = post(client, agent, host, path, "", document("init", "<group-access>https://" + host + path + "</group-access>"));
  for (int form = 0; form < 5; ++form) {
    if (answer.status != 200) throw Failure("login: " + std::to_string(answer.status) + ' ' + answer.reason);
    for (const auto& [name, value] : answer.headers) {
      if (strcasecmp(name.c_str(), "set-cookie") != 0) continue;
      const size_t equals = value.find('=');
      if (const std::string text = value.substr(equals + 1, value.find(';') - equals - 1); !text.empty()) jar[value.substr(0, equals)] = text;
    }
    if (answer.body.find("<auth id=\"success\"") != std::string::npos) {
      std::string cookie = between(answer.body, "<session-token>", "<");
      if (cookie.empty()) cookie = jar["webvpn"];
      if (cookie.empty()) throw Failure("login: success without a session token");
      return cookie;
    }
    if (const auto errors = tags(answer.body, "error"); !errors.empty()) {
      const size_t at = answer.body.find(errors[0]) + errors[0].size();
      throw Failure("login: " + between(answer.body, ">", "<", at) + ' ' + attribute(errors[0], "param1"));
    }
    std::string fields;
    for (const std::string& input : tags(answer.body, "input")) {
      const std::string type = attribute(input, "type"), name = attribute(input, "name");
      if (type == "submit" || type == "reset") continue;
      const std::string value = name == "username" ? credentials.user : type == "password" ? credentials.password : attribute(input, "value");
      fields += '<' + name + '>' + escape(value) + "</" + name + '>';
    }
    std::string opaque;
    if (const size_t at = answer.body.find("<opaque"); at != std::string::npos)
      opaque = answer.body.substr(at, answer.body.find("</opaque>", at) + 9 - at);
    const auto forms = tags(answer.body, "form");
    const std::string action = forms.empty() ? "/" : attribute(forms[0], "action");
    std::string cookies;
    for (const auto& [name, value] : jar) cookies += (cookies.empty() ? "" : "; ") + name + '=' + value;
    const std::string group = credentials.group.empty() ? "" : "<group-select>" + escape(credentials.group) + "</group-select>";
    answer = post(client, agent, host, action, cookies, document("auth-reply", opaque + "<auth>" + fields + "</auth>" + group));
  }
  throw Failure("login: no success after five forms");
}

namespace {

// The lists those clients send (captured: protocol.md 9.2, cisco.md section 5).
const char* const kOpenconnect = "OC-DTLS1_2-AES256-GCM:OC2-DTLS1_2-CHACHA20-POLY1305:OC-DTLS1_2-AES128-GCM:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA";
const char* const kOpenconnect12 =
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-GCM-SHA256:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA";
const char* const kCisco = "DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-SHA256:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA";
const char* const kCisco12 =
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA384:DHE-RSA-AES256-GCM-SHA384:"
    "DHE-RSA-AES256-SHA256:AES256-GCM-SHA384:AES256-SHA256:AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES128-SHA256:DHE-RSA-AES128-SHA:AES128-GCM-SHA256:"
    "AES128-SHA256:AES128-SHA";

std::string dtlsHeaders(const Agent& agent, const Offer& offer) {
  if (offer.mode == Offer::Mode::kNone) return {};
  std::string old, modern;
  const bool own = !offer.suite.empty() && offer.mode != Offer::Mode::kPsk;
  if (own) (offer.suite.rfind("OC-", 0) == 0 ? old : modern) = offer.suite;
  else {
    if (offer.mode != Offer::Mode::kPsk) old = agent.cisco ? kCisco : kOpenconnect, modern = agent.cisco ? kCisco12 : kOpenconnect12;
    if (offer.mode == Offer::Mode::kPsk || (offer.mode == Offer::Mode::kAny && !agent.cisco)) old = old.empty() ? "PSK-NEGOTIATE" : "PSK-NEGOTIATE:" + old;
  }
  std::string lines = "X-DTLS-Master-Secret: " + toHex(offer.masterSecret) + "\r\n";
  if (!old.empty()) lines += "X-DTLS-CipherSuite: " + old + "\r\n";
  if (!modern.empty()) lines += "X-DTLS12-CipherSuite: " + modern + "\r\n";
  if (agent.cisco) lines += "X-DTLS-Header-Pad-Length: 0\r\n";
  return lines;
}

// OpenSSL's name of a suite by the name of the old header.
std::string wireSuite(const std::string& name) {
  if (name == "OC-DTLS1_2-AES256-GCM") return "AES256-GCM-SHA384";
  if (name == "OC-DTLS1_2-AES128-GCM") return "AES128-GCM-SHA256";
  return name;
}

}  // namespace

Grant connectTunnel(TlsClient& client, const Agent& agent, const std::string& host, const std::string& cookie, const Offer& offer) {
  std::string request = "CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + agent.userAgent + "\r\nCookie: webvpn=" + cookie +
                        "\r\nX-CSTP-Version: 1\r\nX-CSTP-Hostname: load\r\nX-CSTP-Base-MTU: " + std::to_string(offer.baseMtu) +
                        "\r\nX-CSTP-MTU: " + std::to_string(offer.baseMtu - 28 - 82) + "\r\nX-CSTP-Address-Type: IPv6,IPv4\r\nX-CSTP-Full-IPv6-Capability: true\r\n";
  for (const std::string& address : offer.addresses) request += "X-CSTP-Address: " + address + "\r\n";
  if (agent.cisco) request += "X-CSTP-License: accept\r\nX-CSTP-Local-Address-IP4: 192.0.2.1\r\n";
  client.write(request + dtlsHeaders(agent, offer) + "\r\n");
  Grant grant;
  grant.answer = client.answer(true);
  const HttpAnswer& answer = grant.answer;
  if (answer.status != 200) throw Failure("CONNECT: " + std::to_string(answer.status) + ' ' + answer.reason + ' ' + answer.header("X-Reason"));
  for (const auto& [name, value] : answer.headers)
    if (name == "X-CSTP-Address" && grant.ipv4.empty() && value.find(':') == std::string::npos) grant.ipv4 = value;
  grant.ipv6 = answer.header("X-CSTP-Address-IP6");
  grant.ipv6 = grant.ipv6.substr(0, grant.ipv6.find('/'));
  grant.mtu = std::atoi(answer.header("X-CSTP-MTU").c_str());
  if (const int mtu = std::atoi(answer.header("X-DTLS-MTU").c_str()); mtu > grant.mtu) grant.mtu = mtu;
  grant.dpdSec = std::atoi(answer.header("X-CSTP-DPD").c_str());
  grant.port = uint16_t(std::atoi(answer.header("X-DTLS-Port").c_str()));
  if (const std::string id = answer.header("X-DTLS-App-ID"); !id.empty() && answer.header("X-DTLS-CipherSuite") == "PSK-NEGOTIATE") {
    grant.dtls = Offer::Mode::kPsk;
    grant.id = fromHex(id);
  } else if (const std::string session = answer.header("X-DTLS-Session-ID"); !session.empty()) {
    const std::string modern = answer.header("X-DTLS12-CipherSuite");
    grant.cipher = wireSuite(modern.empty() ? answer.header("X-DTLS-CipherSuite") : modern);
    grant.id = fromHex(session);
    grant.dtls = Offer::Mode::kResumed;
  }
  return grant;
}

}  // namespace load
