// Values of JavaScript to values of the data plane. native/index.ts is the only caller and passes the shapes of
// native/binding.d.ts; anything else becomes an empty value, which the data plane then refuses.
#pragma once
#include <napi.h>

#include <arpa/inet.h>
#include <openssl/crypto.h>

#include <algorithm>

#include "data_plane.h"
#include "packet_filter.h"

namespace postern::args {

inline std::string text(const Napi::Value& value) { return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string(); }
inline uint32_t number(const Napi::Value& value) { return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : 0; }
inline uint64_t rate(const Napi::Value& value) { return value.IsNumber() ? static_cast<uint64_t>(std::max<int64_t>(0, value.As<Napi::Number>().Int64Value())) : 0; }
inline bool flag(const Napi::Value& value) { return value.IsBoolean() && value.As<Napi::Boolean>().Value(); }
inline ByteView bytes(const Napi::Value& value) {
  if (!value.IsTypedArray()) return {};
  const auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}

template <typename Each>
void forEach(const Napi::Value& value, Each&& each) {
  if (!value.IsArray()) return;
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) each(array.Get(i));
}

inline std::vector<std::string> texts(const Napi::Value& value) {
  std::vector<std::string> all;
  forEach(value, [&](const Napi::Value& one) { all.push_back(text(one)); });
  return all;
}

inline std::vector<TlsContextConfig> contexts(const Napi::Value& value) {
  std::vector<TlsContextConfig> all;
  forEach(value, [&](const Napi::Value& one) {
    const auto object = one.As<Napi::Object>();
    TlsContextConfig& config = all.emplace_back();
    config.serverNames = texts(object.Get("serverNames"));
    config.requestClientCertificate = flag(object.Get("requestClientCertificate"));
    config.clientCaPem = text(object.Get("clientCaPem"));
    forEach(object.Get("certificates"), [&](const Napi::Value& pair) {
      TlsCertificateConfig& certificate = config.certificates.emplace_back();
      certificate.chainPem = text(pair.As<Napi::Object>().Get("chainPem"));
      certificate.keyPem = text(pair.As<Napi::Object>().Get("keyPem"));
    });
  });
  return all;
}

inline OpenRequest openRequest(const Napi::Value& value, const Napi::Value& tls) {
  OpenRequest request;
  const auto spec = value.As<Napi::Object>();
  forEach(spec.Get("listen"), [&](const Napi::Value& one) {
    const auto object = one.As<Napi::Object>();
    request.listen.push_back({text(object.Get("address")), static_cast<uint16_t>(number(object.Get("port")))});
  });
  request.lockDirectory = text(spec.Get("lockDirectory"));
  const auto limits = spec.Get("limits").As<Napi::Object>();
  request.limits = {number(limits.Get("connections")), number(limits.Get("connectionsPerAddress")), number(limits.Get("handshakes")), number(limits.Get("handshakeTimeoutMs"))};
  request.proxies = texts(spec.Get("proxies"));
  request.pool.device = text(spec.Get("device"));
  request.pool.addresses = texts(spec.Get("addresses"));
  request.pool.routes = texts(spec.Get("routes"));
  request.pool.mtu = static_cast<uint16_t>(number(spec.Get("mtu")));
  request.pool.workers = number(spec.Get("workers"));
  request.udp = flag(spec.Get("udp"));
  request.fips = flag(spec.Get("fips"));
  request.tls = contexts(tls);
  return request;
}

// nullptr when there is none.
inline std::shared_ptr<const DtlsOffer> dtlsOffer(const Napi::Value& value) {
  if (!value.IsObject()) return nullptr;
  const auto object = value.As<Napi::Object>();
  const auto copy = [&](const char* name) {
    const ByteView from = bytes(object.Get(name));
    return Bytes(from.begin(), from.end());
  };
  auto offer = std::make_shared<DtlsOffer>();
  offer->mode = text(object.Get("mode")) == "resumed" ? DtlsOffer::Mode::kResumed : DtlsOffer::Mode::kPsk;
  offer->id = copy("id");
  offer->masterSecret = copy("masterSecret");
  for (const std::string& name : texts(object.Get("ciphers"))) offer->ciphers += (offer->ciphers.empty() ? "" : ":") + name;
  offer->helloVerify = flag(object.Get("helloVerify"));
  offer->formerSecret = copy("formerSecret");
  offer->formerFirst = flag(object.Get("formerFirst"));
  return offer;
}

inline uint32_t numberOr(const Napi::Value& value, uint32_t otherwise) { return value.IsNumber() ? number(value) : otherwise; }

inline Codec codec(const Napi::Value& value) {
  const std::string name = text(value);
  return name == "lzs" ? Codec::kLzs : name == "oc-lz4" ? Codec::kLz4 : name == "deflate" ? Codec::kDeflate : Codec::kNone;
}

// False when one is none.
inline bool networks(const Napi::Value& value, std::shared_ptr<const ClientNetworks>& into) {
  std::vector<IpPrefix> all;
  for (const std::string& one : texts(value)) {
    IpPrefix prefix;
    if (!parsePrefix(one, prefix)) return false;
    all.push_back(prefix.network());
  }
  if (!all.empty()) into = std::make_shared<const ClientNetworks>(std::move(all));
  return true;
}

inline bool addressSet(const Napi::Value& value, AddressSet& into) {
  bool sound = true;
  forEach(value, [&](const Napi::Value& one) { sound = into.add(text(one)) && sound; });
  return sound;
}

// False when a prefix is none. nullptr when there is no filter.
inline bool packetFilter(const Napi::Value& value, std::shared_ptr<const PacketFilter>& into) {
  if (!value.IsObject()) return true;
  const auto object = value.As<Napi::Object>();
  std::vector<FilterRule> rules;
  bool sound = true;
  forEach(object.Get("rules"), [&](const Napi::Value& one) {
    const auto from = one.As<Napi::Object>();
    FilterRule& rule = rules.emplace_back();
    rule.pass = text(from.Get("verdict")) == "pass";
    const std::string protocol = text(from.Get("protocol"));
    using enum FilterRule::Protocol;
    rule.protocol = protocol == "tcp" ? kTcp : protocol == "udp" ? kUdp : protocol == "icmp" ? kIcmp : kAny;
    if (const Napi::Value ports = from.Get("ports"); ports.IsArray()) {
      rule.firstPort = static_cast<uint16_t>(number(ports.As<Napi::Array>().Get(0u)));
      rule.lastPort = static_cast<uint16_t>(number(ports.As<Napi::Array>().Get(1u)));
    }
    rule.anywhere = !from.Get("to").IsArray();
    rule.elsewhere = flag(from.Get("elsewhere"));
    sound = addressSet(from.Get("to"), rule.to) && sound;
  });
  AddressSet closedTo;
  sound = addressSet(object.Get("closedTo"), closedTo) && sound;
  into = std::make_shared<const PacketFilter>(std::move(rules), std::move(closedTo), flag(object.Get("apart")));
  return sound;
}

// False when an address is none.
inline bool tunnelSpec(const Napi::Value& value, TunnelSpec& into) {
  const auto spec = value.As<Napi::Object>();
  const std::string v4 = text(spec.Get("ipv4")), v6 = text(spec.Get("ipv6"));
  if (!v4.empty()) {
    in_addr address{};
    if (::inet_pton(AF_INET, v4.c_str(), &address) != 1) return false;
    into.ipv4 = ntohl(address.s_addr);
  }
  if (!v6.empty()) {
    Ipv6 address{};
    if (::inet_pton(AF_INET6, v6.c_str(), address.data()) != 1) return false;
    into.ipv6 = address;
  }
  if (!networks(spec.Get("networks"), into.networks)) return false;
  into.mtu = static_cast<uint16_t>(number(spec.Get("mtu")));
  into.dpdSec = number(spec.Get("dpdSec"));
  into.dpdRetries = number(spec.Get("dpdRetries"));
  into.keepaliveSec = number(spec.Get("keepaliveSec"));
  into.dtlsDpdSec = numberOr(spec.Get("dtlsDpdSec"), into.dpdSec);
  into.dtlsKeepaliveSec = numberOr(spec.Get("dtlsKeepaliveSec"), into.keepaliveSec);
  into.rekeySec = number(spec.Get("rekeySec"));
  const Napi::Value roaming = spec.Get("roaming"), compression = spec.Get("compression");
  into.roaming = !roaming.IsBoolean() || flag(roaming);
  into.predecessor = number(spec.Get("predecessor"));
  into.learning = flag(spec.Get("learning"));
  into.rateUp = rate(spec.Get("rateUp"));
  into.rateDown = rate(spec.Get("rateDown"));
  forEach(spec.Get("shares"), [&](const Napi::Value& one) {
    const auto share = one.As<Napi::Object>();
    into.shares.push_back({number(share.Get("id")), rate(share.Get("rateUp")), rate(share.Get("rateDown"))});
  });
  if (compression.IsObject()) {
    into.cstpCodec = codec(compression.As<Napi::Object>().Get("cstp"));
    into.dtlsCodec = codec(compression.As<Napi::Object>().Get("dtls"));
  }
  into.dtls = dtlsOffer(spec.Get("dtls"));
  return packetFilter(spec.Get("filter"), into.filter);
}

}  // namespace postern::args
