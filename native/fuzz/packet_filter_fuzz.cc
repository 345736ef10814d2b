// Any packet against rules made of the first bytes: a filter that drops what a rule names, and one that passes nothing else,
// never both let it through, unless its protocol and port can be seen; nothing is read beyond its end.
#include <cstdlib>

#include "packet_filter.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kRule = 8;
  if (size < kRule) return 0;
  const std::vector<uint8_t> packet(data + kRule, data + size);  // its own allocation: the sanitizer sees its end
  PacketInfo info;
  if (!parsePacket(packet, info)) return 0;

  const auto make = [data](bool pass) {
    FilterRule rule;
    rule.pass = pass;
    rule.protocol = static_cast<FilterRule::Protocol>(data[0] % 4);
    rule.firstPort = static_cast<uint16_t>(data[1] << 8 | data[2]);
    rule.lastPort = static_cast<uint16_t>(data[3] << 8 | data[4]);
    rule.anywhere = (data[5] & 1) != 0;
    rule.elsewhere = (data[5] & 2) != 0;
    if (!rule.to.add(std::to_string(data[6]) + ".0.0.0/" + std::to_string(data[7] % 33))) std::abort();
    if (!rule.to.add("fd00::/" + std::to_string(data[7] % 129))) std::abort();
    return rule;
  };
  const PacketFilter denies({make(false)}, {});
  FilterRule rest;
  const PacketFilter allows({make(true), rest}, {});
  const bool denied = !denies.fromClient(packet, info), allowed = allows.fromClient(packet, info);
  if (allowed && !denied) std::abort();  // what a rule is known to match, it denies as well

  AddressSet everything;
  if (!everything.add("0.0.0.0/0") || !everything.add("::/0")) std::abort();
  if (PacketFilter({}, everything).toClient(packet) || !PacketFilter({}, {}).toClient(packet)) std::abort();
  return 0;
}
