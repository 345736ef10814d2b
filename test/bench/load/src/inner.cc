#include "inner.h"

#include <arpa/inet.h>

namespace load {

Address Address::parse(const std::string& text) {
  Address address;
  if (inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) address.length = 4;
  else if (inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) address.length = 16;
  else throw Failure("not an address: " + text);
  return address;
}

// Ones' complement sum; big-endian words, any alignment, not folded beyond 32 bits.
uint32_t sumOf(View bytes, uint32_t sum) {
  uint64_t wide = 0;
  size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data() + i, 4);
    wide += word;
  }
  if (i < bytes.size()) {
    uint8_t tail[4] = {};
    std::memcpy(tail, bytes.data() + i, bytes.size() - i);
    uint32_t word;
    std::memcpy(&word, tail, 4);
    wide += word;
  }
  wide = (wide & 0xffffffff) + (wide >> 32);
  wide = (wide & 0xffff) + ((wide >> 16) & 0xffff) + (wide >> 32);
  wide = (wide & 0xffff) + (wide >> 16);
  wide = (wide & 0xffff) + (wide >> 16);
  return sum + ntohs(uint16_t(wide));
}

uint16_t foldedComplement(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return uint16_t(~sum);
}

void writeIp(uint8_t* packet, const Address& from, const Address& to, uint8_t protocol, size_t length) {
  if (from.length == 4) {
    std::memset(packet, 0, 20);
    packet[0] = 0x45;
    put16(packet + 2, 20 + length);
    put16(packet + 6, 0x4000);
    packet[8] = 64;
    packet[9] = protocol;
    std::memcpy(packet + 12, from.bytes.data(), 4);
    std::memcpy(packet + 16, to.bytes.data(), 4);
    put16(packet + 10, foldedComplement(sumOf(View(packet, 20))));
  } else {
    std::memset(packet, 0, 8);
    packet[0] = 0x60;
    put16(packet + 4, length);
    packet[6] = protocol;
    packet[7] = 64;
    std::memcpy(packet + 8, from.bytes.data(), 16);
    std::memcpy(packet + 24, to.bytes.data(), 16);
  }
}

uint32_t pseudoSum(const Address& from, const Address& to, uint8_t protocol, size_t length) {
  const uint32_t sum = sumOf(View(from.bytes.data(), from.length), sumOf(View(to.bytes.data(), to.length)));
  return sum + protocol + uint32_t(length >> 16) + uint32_t(length & 0xffff);
}

Bytes icmpEcho(const Address& from, const Address& to, uint16_t id, uint16_t sequence, View payload) {
  const size_t header = ipHeader(from.length), length = 8 + payload.size();
  const bool v4 = from.length == 4;
  Bytes packet(header + length);
  writeIp(packet.data(), from, to, v4 ? kProtocolIcmp : kProtocolIcmp6, length);
  uint8_t* const icmp = packet.data() + header;
  icmp[0] = v4 ? 8 : 128;
  put16(icmp + 4, id);
  put16(icmp + 6, sequence);
  std::memcpy(icmp + 8, payload.data(), payload.size());
  put16(icmp + 2, foldedComplement(sumOf(View(icmp, length), v4 ? 0 : pseudoSum(from, to, kProtocolIcmp6, length))));
  return packet;
}

Bytes udpPacket(const Address& from, const Address& to, uint16_t fromPort, uint16_t toPort, View payload) {
  const size_t header = ipHeader(from.length), length = 8 + payload.size();
  Bytes packet(header + length);
  writeIp(packet.data(), from, to, kProtocolUdp, length);
  uint8_t* const udp = packet.data() + header;
  put16(udp, fromPort);
  put16(udp + 2, toPort);
  put16(udp + 4, length);
  std::memcpy(udp + 8, payload.data(), payload.size());
  const uint16_t sum = foldedComplement(sumOf(View(udp, length), pseudoSum(from, to, kProtocolUdp, length)));
  put16(udp + 6, sum == 0 ? 0xffff : sum);
  return packet;
}

std::optional<Parsed> parsePacket(View packet) {
  Parsed parsed{};
  if (packet.size() < 20) return std::nullopt;
  size_t header;
  if (packet[0] >> 4 == 4) {
    header = size_t(packet[0] & 15) * 4;
    if (header < 20 || packet.size() < header || get16(&packet[2]) != packet.size() || foldedComplement(sumOf(packet.first(header))) != 0) return std::nullopt;
    parsed.protocol = packet[9];
    parsed.from.length = parsed.to.length = 4;
    std::memcpy(parsed.from.bytes.data(), &packet[12], 4);
    std::memcpy(parsed.to.bytes.data(), &packet[16], 4);
  } else if (packet[0] >> 4 == 6 && packet.size() >= 40) {
    header = 40;
    if (get16(&packet[4]) != packet.size() - 40) return std::nullopt;
    parsed.protocol = packet[6];
    parsed.from.length = parsed.to.length = 16;
    std::memcpy(parsed.from.bytes.data(), &packet[8], 16);
    std::memcpy(parsed.to.bytes.data(), &packet[24], 16);
  } else {
    return std::nullopt;
  }
  parsed.payload = packet.subspan(header);
  const size_t length = parsed.payload.size();
  if (parsed.protocol == kProtocolIcmp) {
    if (length < 8 || foldedComplement(sumOf(parsed.payload)) != 0) return std::nullopt;
  } else if (parsed.protocol == kProtocolUdp || parsed.protocol == kProtocolTcp || parsed.protocol == kProtocolIcmp6) {
    if (length < 8) return std::nullopt;
    const bool noSum = parsed.protocol == kProtocolUdp && get16(&parsed.payload[6]) == 0;
    if (!noSum && foldedComplement(sumOf(parsed.payload, pseudoSum(parsed.from, parsed.to, parsed.protocol, length))) != 0) return std::nullopt;
    if (parsed.protocol == kProtocolUdp && get16(&parsed.payload[4]) != length) return std::nullopt;
  }
  return parsed;
}

}  // namespace load
