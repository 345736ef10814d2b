// Packets inside the tunnel: ICMP echo and checked UDP.
#pragma once
#include <array>
#include <optional>

#include "bytes.h"

namespace load {

// An address of either family: 4 or 16 bytes.
struct Address {
  std::array<uint8_t, 16> bytes{};
  uint8_t length = 0;
  static Address parse(const std::string& text);
  bool operator==(const Address&) const = default;
};

uint32_t sumOf(View bytes, uint32_t sum = 0);
uint16_t foldedComplement(uint32_t sum);

constexpr uint8_t kProtocolIcmp = 1, kProtocolTcp = 6, kProtocolUdp = 17, kProtocolIcmp6 = 58;

// Length of the IP header for that family.
constexpr size_t ipHeader(uint8_t addressLength) { return addressLength == 4 ? 20 : 40; }
// Writes an IP header before a payload of `length` bytes; don't-fragment, TTL 64.
void writeIp(uint8_t* packet, const Address& from, const Address& to, uint8_t protocol, size_t length);
// Sum of the pseudo header.
uint32_t pseudoSum(const Address& from, const Address& to, uint8_t protocol, size_t length);

Bytes icmpEcho(const Address& from, const Address& to, uint16_t id, uint16_t sequence, View payload);
Bytes udpPacket(const Address& from, const Address& to, uint16_t fromPort, uint16_t toPort, View payload);

struct Parsed {
  uint8_t protocol;
  Address from, to;
  View payload;  // behind the IP header
};
// Nothing when the packet is damaged: lengths, header checksum, checksum of ICMP, TCP or UDP.
std::optional<Parsed> parsePacket(View packet);

}  // namespace load
