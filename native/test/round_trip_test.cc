// segment(coalesce(x)) == x: what leaves the TUN device is what the client sent.
#include <doctest/doctest.h>

#include <map>
#include <random>

#include "merged.h"

using namespace postern;
using test::Flow;

namespace {

// A few flows that send segments, retransmit, push, acknowledge, change headers and break checksums.
std::vector<Bytes> traffic(std::mt19937& random, size_t packets) {
  std::vector<Flow> flows(1 + random() % 12);
  for (Flow& f : flows) {
    f.ipv6 = random() % 2 == 0;
    f.udp = random() % 3 == 0;
    f.src = static_cast<uint8_t>(2 + random() % 2);
    f.srcPort = static_cast<uint16_t>(1000 + random() % 4);
    f.fragment = random() % 4 == 0 ? 0 : 0x4000;
    f.seq = static_cast<uint32_t>(random());
    f.id = static_cast<uint16_t>(random());
    if (random() % 2 == 0) f.options = Bytes(12, static_cast<uint8_t>(random()));
    if (f.ipv6 && random() % 8 == 0) f.extension = Bytes(8);
  }
  std::vector<Bytes> out;
  size_t flow = 0;
  while (out.size() < packets) {
    if (random() % 4 == 0) flow = random() % flows.size();
    Flow& f = flows[flow];
    const size_t length = random() % 8 == 0 ? random() % 1400 : random() % 16 == 0 ? 0 : 1300;
    f.flags = random() % 10 == 0 ? 0x18 : random() % 40 == 0 ? static_cast<uint8_t>(random()) : 0x10;
    if (random() % 40 == 0) f.tos = static_cast<uint8_t>(random() % 4);
    if (random() % 40 == 0) ++f.ack;
    if (random() % 60 == 0) f.seq -= 500;
    Bytes p = test::build(f, test::payload(length, static_cast<uint8_t>(random())));
    if (random() % 30 == 0) p[f.l4() + random() % (p.size() - f.l4())] ^= static_cast<uint8_t>(1 << random() % 8);
    f.seq += static_cast<uint32_t>(length);
    ++f.id;
    out.push_back(std::move(p));
  }
  return out;
}

// Packets of one flow (addresses, protocol, ports) in their order. The IPv4 identification means nothing under DF
// (RFC 6864): two flows that share a tuple may have merged, so it is left out there, with its checksum.
std::map<Bytes, std::vector<Bytes>> byFlow(const std::vector<Bytes>& packets) {
  std::map<Bytes, std::vector<Bytes>> out;
  for (const Bytes& p : packets) {
    const bool v6 = p[0] >> 4 == 6;
    const auto from = p.begin() + (v6 ? 8 : 12);
    Bytes key(from, from + (v6 ? 32 : 8));
    const size_t l4 = v6 ? 40 : 20;
    const uint8_t protocol = p[v6 ? 6 : 9];
    if (protocol == 6 || protocol == 17) {
      key.push_back(protocol);
      key.insert(key.end(), p.begin() + static_cast<ptrdiff_t>(l4), p.begin() + static_cast<ptrdiff_t>(l4 + 4));
    }
    Bytes compared = p;
    if (!v6 && (p[6] & 0x40) != 0) {
      test::put16(compared, 4, 0);
      test::put16(compared, 10, 0);
    }
    out[key].push_back(std::move(compared));
  }
  return out;
}

}  // namespace

TEST_CASE("random flows come out as they went in, in order for each flow") {
  std::mt19937 random(42);
  size_t in = 0, out = 0;
  for (int round = 0; round < 200; ++round) {
    const auto packets = traffic(random, 1 + random() % 300);
    const auto merged = test::merge(packets);
    const auto again = test::split(merged);
    REQUIRE(again.size() == packets.size());
    REQUIRE(byFlow(again) == byFlow(packets));
    in += packets.size();
    out += merged.size();
  }
  CHECK(out * 5 < in * 4);  // and something was merged at all
}

TEST_CASE("the writes come in the order of their first packets") {
  std::mt19937 random(43);
  for (int round = 0; round < 50; ++round) {
    const auto packets = traffic(random, 100);
    Coalescer coalescer({true, true, true});
    auto copies = packets;
    std::map<const void*, size_t> index;
    for (size_t i = 0; i < copies.size(); ++i) {
      PacketInfo info;
      REQUIRE(parsePacket(copies[i], info));
      REQUIRE(coalescer.add(copies[i], info, 1));
      index[copies[i].data()] = i;
    }
    ptrdiff_t last = -1;
    coalescer.flush([&](const iovec* parts, int, size_t, size_t) {
      const auto i = static_cast<ptrdiff_t>(index.at(parts[1].iov_base));
      CHECK(i > last);
      last = i;
    });
  }
}
