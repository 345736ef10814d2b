// What happens when the kernel refuses what is written into the TUN device.
#include "tun_writer.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "flows.h"
#include "tun_device.h"

using namespace postern;
using namespace postern::test;

namespace {

// The device of this test: refuses with `code` what `refuses` says, and remembers the sizes of the runs it was given.
struct Device {
  int code = 0;
  uint8_t refuses = kVirtioGsoNone;
  std::vector<uint8_t> types;
  static Device* current;
  static ssize_t write(int, const iovec* parts, int) {
    VirtioNetHeader header;
    std::memcpy(&header, parts[0].iov_base, sizeof header);
    current->types.push_back(header.gsoType);
    if (current->code == 0 || header.gsoType != current->refuses) return 1;
    errno = current->code;
    return -1;
  }
};
Device* Device::current = nullptr;

struct Kind {
  bool ipv6, udp;
  uint8_t type;
};
constexpr Kind kKinds[] = {{false, false, kVirtioGsoTcpv4}, {true, false, kVirtioGsoTcpv6}, {false, true, kVirtioGsoUdpL4}, {true, true, kVirtioGsoUdpL4}};

struct Writer {
  explicit Writer(Offloads offloads = {true, true, true, true, true}) : tun(-1, offloads, stats, Device::write) { Device::current = &device; }
  // Two packets that could be one, then the end of the batch. Types written.
  std::vector<uint8_t> pair(const Kind& kind) {
    device.types.clear();
    auto packets = train(flow(kind.ipv6, kind.udp), {100, 100});
    for (Bytes& p : packets) {
      PacketInfo info;
      REQUIRE(parsePacket(p, info));
      tun.add(p, info, 1);
    }
    tun.flush();
    return device.types;
  }
  StatBlock stats;
  Device device;
  TunWriter tun;
};
using Types = std::vector<uint8_t>;

}  // namespace

TEST_CASE("EINVAL for a merged run ends the merging of its kind alone, once and visibly") {
  for (const Kind& refused : kKinds) {
    Writer w;
    w.device.code = EINVAL;
    w.device.refuses = refused.type;
    for (int round = 0; round < 3; ++round) {
      for (const Kind& kind : kKinds) {
        const bool merges = kind.type != refused.type;
        const Types expected = merges ? Types{kind.type} : Types{0, 0};
        const bool first = !merges && w.stats.get(Stat::mergesDisabled) == 0;
        CHECK(w.pair(kind) == (first ? Types{kind.type} : expected));
      }
    }
    CHECK(w.stats.get(Stat::tunWriteErrors) == 1);
    CHECK(w.stats.get(Stat::mergesDisabled) == 1);
  }
}

TEST_CASE("any other error, or one for a single packet, drops and changes nothing") {
  for (const int code : {EIO, ENOBUFS, EAGAIN, ENOMEM}) {
    for (const Kind& kind : kKinds) {
      Writer w;
      w.device.code = code;
      w.device.refuses = kind.type;
      for (int i = 0; i < 3; ++i) CHECK(w.pair(kind) == Types{kind.type});
      CHECK(w.stats.get(Stat::tunWriteErrors) == 3);
      CHECK(w.stats.get(Stat::mergesDisabled) == 0);
      CHECK(w.stats.get(Stat::tunTxPackets) == 0);
    }
  }
  Writer w;
  w.device.code = EINVAL;
  Bytes packet = train(flow(false), {100})[0];
  PacketInfo info;
  REQUIRE(parsePacket(packet, info));
  w.tun.add(packet, info, 1);
  w.tun.flush();
  CHECK(w.stats.get(Stat::tunWriteErrors) == 1);
  CHECK(w.stats.get(Stat::mergesDisabled) == 0);
  w.device.code = 0;
  for (const Kind& kind : kKinds) CHECK(w.pair(kind) == Types{kind.type});
  CHECK(w.stats.get(Stat::tunTxPackets) == 2 * std::size(kKinds));
}

TEST_CASE("runs that are waiting when their kind is refused are still written as they are") {
  Writer w;
  w.device.code = EINVAL;
  w.device.refuses = kVirtioGsoTcpv4;
  std::vector<Bytes> packets;
  for (const uint16_t port : {1, 2, 3}) {
    Flow f = flow(false);
    f.srcPort = port;
    for (Bytes& p : train(f, {100, 100})) packets.push_back(std::move(p));
  }
  for (Bytes& p : packets) {
    PacketInfo info;
    REQUIRE(parsePacket(p, info));
    w.tun.add(p, info, 1);
  }
  w.tun.flush();
  CHECK(w.device.types == Types{1, 1, 1});
  CHECK(w.stats.get(Stat::mergesDisabled) == 1);
  CHECK(w.pair(kKinds[0]) == Types{0, 0});
}

TEST_CASE("offloads: what the kernel does not take is not asked of the merge") {
  struct Row {
    unsigned most;  // flags a kernel knows
    Offloads expected;
  };
  for (const Row& row : {Row{0x7f, {true, true, true, true, true}}, Row{0x0f, {true, true, true, false, false}}, Row{0x2f, {true, true, true, false, false}},
                         Row{0x01, {true, false, false, false, false}}, Row{0x03, {true, false, false, false, false}}, Row{0, {}}}) {
    int asked = 0;
    const Offloads got = negotiateOffloads([&](unsigned flags) {
      ++asked;
      CHECK((flags & 0x08) == 0);  // never TUN_F_TSO_ECN: CWR would have to be watched
      return flags != 0 && (flags & ~row.most) == 0;
    });
    CHECK(std::memcmp(&got, &row.expected, sizeof got) == 0);
    CHECK(asked <= 3);
    for (const Kind& kind : kKinds) {
      Writer w(got);
      const bool merges = kind.udp ? got.uso4 && got.uso6 : kind.ipv6 ? got.tso6 : got.tso4;
      CHECK(w.pair(kind) == (merges ? Types{kind.type} : Types{0, 0}));
    }
  }
}
