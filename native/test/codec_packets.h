// Packets for tests of codecs: the golden one of reference protocol section 8, and random ones from all alike to nothing alike.
#pragma once
#include <random>
#include <string_view>

#include "packets.h"

namespace postern::test {

inline Bytes fromHex(std::string_view hex) {
  const auto digit = [](char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); ++i) {
    if (hex[i] == ' ') continue;
    bytes.push_back(static_cast<uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    ++i;
  }
  return bytes;
}

inline Bytes goldenPacket() {
  Bytes packet = fromHex("45000054000040004001 0000 c0a85801 c0a85805 0000");
  packet.resize(84, 0x61);
  return packet;
}

// Bytes of an alphabet of 1 to 256, now and then a piece of what came before.
inline Bytes randomPacket(std::mt19937& random, size_t length) {
  const unsigned alphabet = 1u << random() % 9;
  const unsigned repeats = random() % 3 * 8;
  Bytes packet;
  while (packet.size() < length) {
    if (!packet.empty() && random() % 32 < repeats) {
      size_t from = random() % packet.size();
      for (size_t n = random() % 300; n > 0 && packet.size() < length; --n) packet.push_back(packet[from++]);
    } else {
      packet.push_back(static_cast<uint8_t>(random() % alphabet));
    }
  }
  return packet;
}

inline Bytes first(const Bytes& bytes, size_t length) { return {bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(length)}; }

}  // namespace postern::test
