// ns of thread CPU per 1,400 B packet, median of rounds; compare with dataplane reference sections 1.1 and 5.
// Not a test: print only, nothing is asserted.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "coalesce.h"
#include "cstp.h"
#include "dtls_protection.h"
#include "lz4.h"
#include "lzs.h"
#include "merged.h"
#include "record_peers.h"
#include "router.h"
#include "segment.h"

using namespace postern;

namespace {

double cpuNs() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

uint64_t sink;

// `run` handles `items` items; the median over the rounds of ns per item.
template <typename Run>
void measure(const char* name, size_t items, Run&& run) {
  constexpr size_t kRounds = 15, kRoundNs = 10'000'000;
  std::vector<double> rounds;
  for (size_t round = 0; round < kRounds; ++round) {
    size_t n = 0;
    const double start = cpuNs();
    double end = start;
    while (end - start < kRoundNs) {
      for (size_t i = 0; i < 2000; i += items, n += items) run();  // the clock itself costs hundreds of ns
      end = cpuNs();
    }
    rounds.push_back((end - start) / static_cast<double>(n));
  }
  std::sort(rounds.begin(), rounds.end());
  std::printf("%-44s %8.1f  [%.1f-%.1f]\n", name, rounds[kRounds / 2], rounds[kRounds / 4], rounds[kRounds * 3 / 4]);
}

constexpr size_t kCount = 44, kPayload = 1400;

test::Flow flow(bool ipv6, bool udp) {
  test::Flow f;
  f.ipv6 = ipv6;
  f.udp = udp;
  if (!udp) f.options = Bytes(12, 1);
  return f;
}

void benchSegment(const char* name, bool ipv6, bool udp) {
  const test::Flow f = flow(ipv6, udp);
  Bytes super = test::build(f, test::payload(kCount * kPayload));
  const VirtioNetHeader header = test::offload(super, f, kPayload);
  Bytes out(kCount * 1600);
  measure(name, kCount, [&] {
    uint8_t* at = out.data();
    sink += static_cast<uint64_t>(segment(header, super, [&](size_t length) {
      uint8_t* here = at + 13;
      at += length + 30;
      return here;
    }));
  });
}

void benchCoalesce(const char* name, bool ipv6, bool udp, Coalescer::Options options) {
  test::Flow f = flow(ipv6, udp);
  std::vector<Bytes> packets;
  for (size_t i = 0; i < kCount; ++i) {
    packets.push_back(test::build(f, test::payload(kPayload)));
    f.seq += kPayload;
  }
  const Bytes first = packets[0];
  std::vector<PacketInfo> infos(kCount);
  for (size_t i = 0; i < kCount; ++i) parsePacket(packets[i], infos[i]);
  Coalescer coalescer(options);
  measure(name, kCount, [&] {
    std::copy_n(first.begin(), 60, packets[0].begin());  // undo the merged header
    for (size_t i = 0; i < kCount; ++i) coalescer.add(packets[i], infos[i], 1);
    coalescer.flush([&](const iovec*, int, size_t packetsInRun, size_t) { sink += packetsInRun; });
  });
}

template <typename Address>
void benchRouter(const char* name, size_t routes, Address&& address) {
  Router router;
  std::mt19937 random(1);
  for (uint32_t i = 0; i < routes; ++i) router.insert(address(i), {i + 1, 0});
  std::vector<decltype(address(0))> wanted;
  for (size_t i = 0; i < 65536; ++i) wanted.push_back(address(static_cast<uint32_t>(random() % routes)));
  measure(name, wanted.size(), [&] {
    for (const auto& a : wanted) sink += router.find(a).tunnel;
  });
}

// Sealing alone, and sealing with opening: records are opened in place and once only.
void benchDtls(const char* suite, DtlsCipher cipher, size_t payload) {
  DtlsKeys keys;  // the same in both directions
  keys.cipher = cipher;
  keys.writeSequence = 1;
  const auto ours = createAeadProtection(keys);
  Bytes record(payload + ours->overhead());
  char name[64];
  std::snprintf(name, sizeof name, "DTLS %s %zu B, seal", suite, payload);
  measure(name, 1, [&] { sink += ours->seal(record.data(), DtlsContent::kData, payload); });
  const auto other = createAeadProtection(keys), peer = createAeadProtection(keys);
  std::snprintf(name, sizeof name, "DTLS %s %zu B, seal and open", suite, payload);
  measure(name, 1, [&] {
    ByteSpan plain;
    DtlsContent type{};
    other->seal(record.data(), DtlsContent::kData, payload);
    sink += static_cast<uint64_t>(peer->open(record, plain, type)) + plain.size();
  });
}

// A packet of text, one that repeats itself, and one in which nothing does.
template <auto compress, auto expand, typename Table>
void benchCodec(const char* codec) {
  std::mt19937 random(1);
  Bytes text, noise(kPayload);
  while (text.size() < kPayload) text.push_back("etaoin shrdlu<>/="[random() % 17 * (random() % 2)]);
  for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
  const auto table = std::make_unique<Table>();
  const std::pair<const char*, Bytes> packets[] = {{"text", text}, {"repeating", test::payload(kPayload)}, {"noise", noise}};
  for (const auto& [what, packet] : packets) {
    Bytes coded(2 * kPayload), back(kPayload);
    const size_t length = compress(packet, coded, *table);
    char name[64];
    std::snprintf(name, sizeof name, "%s %s, encode (to %zu B)", codec, what, length);
    measure(name, 1, [&] { sink += compress(packet, coded, *table); });
    std::snprintf(name, sizeof name, "%s %s, decode", codec, what);
    measure(name, 1, [&] { sink += expand(ByteView(coded).first(length), back); });
  }
}

// One end's records of one frame each, by OpenSSL and by our own layer; what the other side makes of them is not paid here.
void benchRecords(const test::Suite& suite) {
  constexpr size_t kFrame = kPayload + cstp::kHeader, kBurst = 50;
  test::RecordPeers peers(suite);
  const std::string name = std::string(suite.version == TLS1_3_VERSION ? "1.3 " : "1.2 ") + suite.name;
  Bytes frame = test::payload(kFrame), out(64 * 1024);
  frame.push_back(0);
  BIO* const wire = SSL_get_wbio(peers.pair.server);
  measure(("SSL_write " + name).c_str(), kBurst, [&] {
    for (size_t i = 0; i < kBurst; ++i) SSL_write(peers.pair.server, frame.data(), kFrame);
    BIO_reset(wire);
  });
  const auto fill = [&](size_t count) {
    Bytes all;
    for (size_t i = 0; i < count; ++i) {
      const Bytes record = test::RecordPeers::sealed(peers.pair.client, test::payload(kFrame));
      all.insert(all.end(), record.begin(), record.end());
    }
    return all;
  };
  constexpr size_t kReads = 4000;
  const auto timed = [&](const char* what, auto&& run) {
    std::vector<double> rounds;
    for (int round = 0; round < 9; ++round) {
      const Bytes all = fill(kReads);
      const double start = cpuNs();
      run(all);
      rounds.push_back((cpuNs() - start) / kReads);
    }
    std::sort(rounds.begin(), rounds.end());
    std::printf("%-44s %8.1f  [%.1f-%.1f]\n", (what + name).c_str(), rounds[4], rounds[2], rounds[6]);
  };
  timed("SSL_read ", [&](const Bytes& all) {
    BIO* memory = BIO_new_mem_buf(all.data(), static_cast<int>(all.size()));
    BIO_set_mem_eof_return(memory, -1);
    SSL_set0_rbio(peers.pair.server, memory);
    while (SSL_read(peers.pair.server, out.data(), 16384) > 0) ++sink;
  });
  SSL_write(peers.pair.server, frame.data(), kFrame);
  const Bytes last = test::drainBio(wire);
  uint64_t nonce;
  std::memcpy(&nonce, &last[5], sizeof nonce);
  const auto records = CstpRecords::takeOver(peers.pair.server, __builtin_bswap64(nonce));
  measure(("seal " + name).c_str(), kBurst, [&] {
    for (size_t i = 0; i < kBurst; ++i) sink += records->sealData(frame.data(), kFrame, out.data() + i * 500);
  });
  timed("open ", [&](const Bytes& all) {
    size_t length = 0;
    for (ByteView rest = all; !rest.empty();) {
      const size_t size = records->recordLength(rest);
      sink += records->open(rest.first(size), out.data(), length) == CstpRecords::Opened::kData;
      rest = rest.subspan(size);
    }
  });
}

}  // namespace

int main() {
  std::printf("%-44s %8s\n", "per item of 1,400 B", "ns");
  for (const test::Suite& suite : test::kSuites) benchRecords(suite);
  const Bytes bytes = test::payload(1500);
  measure("checksum", 1, [&] { sink += checksumPartial(ByteView(bytes).first(kPayload), sink & 1); });
  measure("checksum, odd address", 1, [&] { sink += checksumPartial(ByteView(bytes).subspan(13, kPayload), sink & 1); });
  Bytes copy(1500);
  measure("memcpy, for comparison", 1, [&] {
    std::memcpy(copy.data(), bytes.data(), kPayload);
    asm volatile("" : : "r"(copy.data()) : "memory");
  });
  const Bytes packet4 = test::build(flow(false, false), test::payload(kPayload));
  measure("parsePacket", 1, [&] {
    PacketInfo info;
    sink += parsePacket(packet4, info) + info.src4;
  });
  benchSegment("segment x44 TCP/IPv4", false, false);
  benchSegment("segment x44 TCP/IPv6", true, false);
  benchSegment("segment x44 UDP/IPv4", false, true);
  benchCoalesce("coalesce x44 TCP/IPv4", false, false, {true, true, true});
  benchCoalesce("coalesce x44 TCP/IPv6", true, false, {true, true, true});
  benchCoalesce("coalesce x44 UDP/IPv4", false, true, {true, true, true});
  benchCoalesce("coalesce, nothing merges", false, false, {});

  Bytes stream;
  for (size_t i = 0; i < 11; ++i) {
    stream.resize(stream.size() + cstp::kHeader);
    cstp::writeHeader(&stream[stream.size() - cstp::kHeader], cstp::kData, kPayload);
    stream.resize(stream.size() + kPayload);
  }
  cstp::Framer framer;
  const auto count = [](const cstp::Frame& f) {
    sink += f.payload.size();
    return true;
  };
  measure("framer, whole frames", 11, [&] { framer.feed(stream, count); });
  measure("framer, each frame split", 11, [&] {
    for (size_t at = 0; at < stream.size(); at += 704) framer.feed(ByteView(stream).subspan(at, 704), count);
  });

  benchCodec<lzs::compress, lzs::expand, lzs::Table>("LZS");
  benchCodec<lz4::compress, lz4::expand, lz4::Table>("LZ4");

  const auto pool4 = [](uint32_t i) { return Ipv4{0x0a140002 + i}; };
  const auto pool6 = [](uint32_t i) {
    Ipv6 a{0xfd, 0, 0, 1};
    for (size_t b = 0; b < 4; ++b) a[15 - b] = static_cast<uint8_t>(i >> (8 * b));
    return a;
  };
  benchRouter("router IPv4, 10,000 routes", 10000, pool4);
  benchRouter("router IPv4, 100,000 routes", 100000, pool4);
  benchRouter("router IPv6, 10,000 routes", 10000, pool6);
  benchRouter("router IPv6, 100,000 routes", 100000, pool6);

  for (const size_t payload : {kPayload, size_t{64}}) {
    benchDtls("AES-256-GCM", DtlsCipher::kAes256Gcm, payload);
    benchDtls("AES-128-GCM", DtlsCipher::kAes128Gcm, payload);
    benchDtls("ChaCha20-Poly1305", DtlsCipher::kChaCha20Poly1305, payload);
  }
  return sink == 0;
}
