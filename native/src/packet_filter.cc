#include "packet_filter.h"

#include <algorithm>

#include "byte_order.h"

namespace postern {
namespace {

// Assigned internet protocol numbers.
constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmp6 = 58;
constexpr size_t kPorts = 4;

struct Transport {
  bool known = false;       // `protocol` is what the packet carries
  uint8_t protocol = 0;
  bool portKnown = false;   // so is `port`, with TCP and UDP
  uint16_t port = 0;        // of the destination
};

Transport transportOf(ByteView packet, const PacketInfo& info) noexcept {
  Transport seen;
  size_t offset = 0;
  if (info.version == 4) {
    constexpr uint16_t kOffset = 0x1fff;
    seen.known = true;
    seen.protocol = info.protocol;
    if ((load16(&packet[6]) & kOffset) != 0) return seen;
    offset = (packet[0] & 0x0f) * 4u;
  } else {
    seen.known = transport6(packet, seen.protocol, offset);
    if (!seen.known) return seen;
  }
  seen.portKnown = packet.size() - offset >= kPorts;
  if (seen.portKnown) seen.port = load16(&packet[offset + 2]);
  return seen;
}

uint8_t numberOf(FilterRule::Protocol protocol, uint8_t version) noexcept {
  switch (protocol) {
    case FilterRule::Protocol::kTcp: return kTcp;
    case FilterRule::Protocol::kUdp: return kUdp;
    default: return version == 4 ? kIcmp : kIcmp6;
  }
}

bool reaches(const FilterRule& rule, const PacketInfo& info) noexcept {
  if (rule.anywhere) return true;
  return (info.version == 4 ? rule.to.has(info.dst4) : rule.to.has(info.dst6)) != rule.elsewhere;
}

bool carries(const FilterRule& rule, const Transport& seen, uint8_t version) noexcept {
  if (!seen.known) return !rule.pass;
  if (seen.protocol != numberOf(rule.protocol, version)) return false;
  if (rule.firstPort == 0 && rule.lastPort == 0xffff) return true;
  return seen.portKnown ? seen.port >= rule.firstPort && seen.port <= rule.lastPort : !rule.pass;
}

}  // namespace

PacketFilter::PacketFilter(std::vector<FilterRule> rules, AddressSet closedTo, bool apart)
    : rules_(std::move(rules)), closedTo_(std::move(closedTo)), apart_(apart) {
  for (FilterRule& rule : rules_) rule.to.seal();
  closedTo_.seal();
}

bool PacketFilter::fromClient(ByteView packet, const PacketInfo& info) const noexcept {
  Transport seen;
  bool looked = false;
  for (const FilterRule& rule : rules_) {
    if (!reaches(rule, info)) continue;
    if (rule.protocol != FilterRule::Protocol::kAny) {
      if (!looked) seen = transportOf(packet, info);
      looked = true;
      if (!carries(rule, seen, info.version)) continue;
    }
    return rule.pass;
  }
  return true;
}

bool PacketFilter::toClient(ByteView packet) const noexcept {
  if (closedTo_.empty()) return true;
  if (packet[0] >> 4 == 4) return !closedTo_.has(load32(&packet[12]));
  Ipv6 source;
  std::copy_n(&packet[8], source.size(), source.begin());
  return !closedTo_.has(source);
}

}  // namespace postern
