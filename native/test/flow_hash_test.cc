// What is one flow, and what are two.
#include <doctest/doctest.h>

#include <set>

#include "flow_hash.h"
#include "packets.h"

using namespace postern;

namespace {

Bytes bare(int version, uint8_t protocol, const Bytes& behind) {
  Bytes packet(version == 4 ? 20 : 40);
  packet[0] = version == 4 ? 0x45 : 0x60;
  packet[version == 4 ? 9 : 6] = protocol;
  packet.insert(packet.end(), behind.begin(), behind.end());
  return packet;
}

}  // namespace

TEST_CASE("ports tell flows apart, and the identifier of an echo; what they carry does not") {
  for (const int version : {4, 6}) {
    for (const uint8_t protocol : {uint8_t{6}, uint8_t{17}}) {
      std::set<uint32_t> hashes;
      for (uint8_t port = 0; port < 100; ++port) {
        const uint32_t hash = flowHash(bare(version, protocol, {0xc0, port, 0, 80, 1, 2, 3, 4}));
        CHECK(hash == flowHash(bare(version, protocol, {0xc0, port, 0, 80, 9, 9, 9, 9, 9, 9})));
        hashes.insert(hash % 256);
      }
      CHECK(hashes.size() > 60);
    }
    const uint8_t icmp = version == 4 ? 1 : 58, request = version == 4 ? 8 : 128;
    const auto echo = [&](uint8_t id, uint8_t number) { return flowHash(bare(version, icmp, {request, 0, 7, 7, 0, id, 0, number})); };
    CHECK(echo(1, 1) == echo(1, 2));
    CHECK(echo(1, 1) != echo(2, 1));
  }
}

TEST_CASE("addresses and protocols tell flows apart; fragments of a datagram are one with each other") {
  Bytes one = bare(4, 17, {1, 2, 3, 4, 5, 6, 7, 8}), other = one;
  other[19] = 1;
  CHECK(flowHash(one) != flowHash(other));
  other = one;
  other[9] = 132;
  CHECK(flowHash(one) != flowHash(other));
  Bytes first = one, later = bare(4, 17, {9, 9, 9, 9, 9, 9, 9, 9});
  first[6] = 0x20;
  later[7] = 185;
  CHECK(flowHash(first) == flowHash(later));
}

TEST_CASE("what is cut short is read no further than it is") {
  const Bytes whole = bare(6, 17, Bytes(8, uint8_t{1}));
  for (size_t size = 0; size <= whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    CHECK((flowHash(cut) == 0) == (size < 40));
  }
  Bytes options = bare(4, 6, Bytes(8, uint8_t{1}));
  options[0] = 0x4f;  // 60 bytes of header, which are not there
  CHECK(flowHash(options) != 0);
}
