// Compressed packets through real sockets and a real TUN device, on both channels.
// sanitizer: thread
#include "codec_packets.h"
#include "dtls_vpn_client.h"
#include "packet_codec.h"
#include "tunnel_counters.h"

using namespace postern;
using namespace postern::test;

namespace {

constexpr Codec kAll[] = {Codec::kLzs, Codec::kLz4, Codec::kDeflate};
const Bytes kText(1000, 'r');

// The client's end of a codec.
struct Peer {
  explicit Peer(Codec codec) : codec(PacketCodec::create(codec, 1400, scratch)) {}
  Bytes compress(const Bytes& packet) {
    const ByteSpan coded = codec->compress(packet);
    check(!coded.empty(), "compresses");
    return {coded.begin(), coded.end()};
  }
  Bytes expand(const Bytes& coded) {
    Bytes out(codec->limit());
    out.resize(codec->expand(coded, out));
    return out;
  }
  CodecScratch scratch{};
  std::unique_ptr<PacketCodec> codec;
};

TunnelSpec specWith(uint8_t host, Codec cstp, Codec dtls = Codec::kNone) {
  TunnelSpec spec = Gateway::spec(host);
  spec.cstpCodec = cstp;
  spec.dtlsCodec = dtls;
  return spec;
}
Bytes behind(const Bytes& bytes, size_t n) { return {bytes.begin() + static_cast<ptrdiff_t>(n), bytes.end()}; }
constexpr size_t kHeaders = 28;

}  // namespace

TEST_CASE("G15 CSTP: packets go compressed both ways and are counted by their own length") {
  NEEDS_NETWORK();
  uint8_t host = 2;
  for (const Codec codec : kAll) {
    Gateway gateway;
    auto client = gateway.connect(host, specWith(host, codec));
    Peer peer(codec);
    HostUdp target;
    for (int i = 1; i <= 3; ++i) {
      REQUIRE(client->send(cstp::kCompressed, peer.compress(udpPacket(host, target, kText))));
      CHECK(target.receive() == kText);
      target.sendTo(host, 40000, kText);
      const auto frame = client->receive();
      REQUIRE(frame);
      CHECK(frame->type == cstp::kCompressed);
      CHECK(frame->payload.size() < 200);
      CHECK(behind(peer.expand(frame->payload), kHeaders) == kText);
    }
    // Too small, and so as it is; then again compressed.
    target.sendTo(host, 40000, Bytes(11, 's'));
    const auto small = client->receive();
    REQUIRE(small);
    CHECK(small->type == cstp::kData);
    REQUIRE(client->send(cstp::kData, udpPacket(host, target, kText)));
    CHECK(target.receive() == kText);
    REQUIRE(client->send(cstp::kCompressed, peer.compress(udpPacket(host, target, kText))));
    CHECK(target.receive() == kText);
    const TunnelCounterWords words = gateway.counters(host);
    CHECK(words[TunnelCounters::kRxPackets] == 5);
    CHECK(words[TunnelCounters::kRxBytes] == 5 * 1028);
    CHECK(words[TunnelCounters::kTxPackets] == 4);
    CHECK(words[TunnelCounters::kTxBytes] == 3 * 1028 + 39);
    CHECK(gateway.stat(Stat::compressed) == 3);
    CHECK(gateway.stat(Stat::decompressed) == 4);
    CHECK(gateway.stat(Stat::decompressFailures) == 0);
  }
}

TEST_CASE("G15 DTLS: packets go compressed both ways, with a codec of its own") {
  NEEDS_NETWORK();
  for (const Codec codec : {Codec::kLzs, Codec::kLz4}) {
    Gateway gateway(1, 1400, {{"127.0.0.1", kDtlsPort}});
    TunnelSpec spec = specWith(2, codec == Codec::kLzs ? Codec::kLz4 : Codec::kNone, codec);
    spec.dtls = pskOffer(2);
    const TlsPair pair = connectTls();
    const Bytes psk = exporterOf(pair.client);
    auto tls = gateway.connect(2, spec, pair);
    DtlsVpnClient client(2, psk);
    REQUIRE(client.connect());
    Peer peer(codec);
    HostUdp target;
    for (int i = 0; i < 3; ++i) {
      client.send(cstp::kCompressed, peer.compress(udpPacket(2, target, kText)));
      CHECK(target.receive() == kText);
      target.sendTo(2, 40000, kText);
      const auto record = client.receive();
      REQUIRE(record);
      CHECK((*record)[0] == cstp::kCompressed);
      CHECK(record->size() < 200);
      CHECK(behind(peer.expand(behind(*record, 1)), kHeaders) == kText);
    }
    client.send(cstp::kCompressed, Bytes(300, 0xff));
    CHECK(gateway.waitStat(Stat::decompressFailures, 1) == 1);
    client.send(cstp::kData, udpPacket(2, target, kText));
    CHECK(target.receive() == kText);
    const TunnelCounterWords words = gateway.counters(2);
    CHECK(words[TunnelCounters::kRxPackets] == 4);
    CHECK(words[TunnelCounters::kDtlsRxBytes] == 4 * 1028);
    CHECK(words[TunnelCounters::kTxBytes] == 3 * 1028);
    CHECK(words[TunnelCounters::kDtlsTxBytes] == 3 * 1028);
    CHECK(gateway.stat(Stat::compressed) == 3);
    CHECK(gateway.stat(Stat::decompressed) == 3);
  }
}

TEST_CASE("G15 a compressed packet is checked like any other: a foreign source is dropped") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2, specWith(2, Codec::kLz4));
  Peer peer(Codec::kLz4);
  HostUdp target;
  REQUIRE(client->send(cstp::kCompressed, peer.compress(udpPacket(3, target, kText))));
  REQUIRE(client->send(cstp::kCompressed, peer.compress(Bytes(100, 0))));
  REQUIRE(client->send(cstp::kCompressed, peer.compress(udpPacket(2, target, kText))));
  CHECK(target.receive() == kText);
  CHECK(gateway.stat(Stat::rxSpoofed) == 1);
  CHECK(gateway.stat(Stat::rxInvalid) == 1);
  CHECK(gateway.waitStat(Stat::tunTxPackets, 1) == 1);
}

TEST_CASE("G15 a codec nobody agreed on and damaged packets cost the packet, not the tunnel") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto plain = gateway.connect(2), coded = gateway.connect(3, specWith(3, Codec::kLzs));
  Peer peer(Codec::kLzs);
  HostUdp target;
  REQUIRE(plain->send(cstp::kCompressed, peer.compress(udpPacket(2, target, kText))));
  REQUIRE(plain->send(cstp::kData, udpPacket(2, target, Bytes(3, 'p'))));
  CHECK(target.receive() == Bytes(3, 'p'));
  CHECK(gateway.stat(Stat::decompressFailures) == 1);
  for (const Bytes& damaged : {Bytes(), Bytes(500, 0xff), Bytes(1, 0)}) REQUIRE(coded->send(cstp::kCompressed, damaged));
  REQUIRE(coded->send(cstp::kCompressed, peer.compress(udpPacket(3, target, kText))));
  CHECK(target.receive() == kText);
  CHECK(gateway.stat(Stat::decompressFailures) == 4);
  CHECK(gateway.stat(Stat::tunnelsOpen) == 2);
}

TEST_CASE("G15 deflate out of step ends that tunnel, and the client comes back with a fresh stream") {
  NEEDS_NETWORK();
  Gateway gateway;
  const TunnelSpec spec = specWith(2, Codec::kDeflate);
  HostUdp target;
  Peer peer(Codec::kDeflate);
  auto client = gateway.connect(10, spec);
  peer.compress(udpPacket(2, target, kText));  // never sent
  REQUIRE(client->send(cstp::kCompressed, peer.compress(udpPacket(2, target, kText))));
  CHECK(gateway.downReason(10) == TunnelDownReason::kFrame);
  CHECK(gateway.stat(Stat::cstpFrameErrors) == 1);
  CHECK(gateway.stat(Stat::decompressFailures) == 1);
  auto again = gateway.connect(11, spec);
  Peer fresh(Codec::kDeflate);
  REQUIRE(again->send(cstp::kCompressed, fresh.compress(udpPacket(2, target, kText))));
  CHECK(target.receive() == kText);
}

TEST_CASE("G15 deflate: what is dropped for a client that does not read is missing in no stream") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2, specWith(2, Codec::kDeflate));
  HostUdp target;
  std::mt19937 random(3);
  Bytes packet(1300);
  // Until packets are lost, while nobody reads.
  for (int i = 0; i < 20000 && gateway.counters(2)[TunnelCounters::kTxDropped] < 50; ++i) {
    for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random() % 128);
    target.sendTo(2, 40000, packet);
  }
  REQUIRE(gateway.counters(2)[TunnelCounters::kTxDropped] >= 50);
  target.sendTo(2, 40001, Bytes(1000, 'z'));
  Peer peer(Codec::kDeflate);
  size_t read = 0;
  for (bool last = false; !last; ++read) {
    const auto frame = client->receive();
    REQUIRE(frame);
    const Bytes inner = frame->type == cstp::kCompressed ? peer.expand(frame->payload) : frame->payload;
    REQUIRE(inner.size() > kHeaders);
    last = get16(inner, 22) == 40001;
    REQUIRE(fault(inner, 20, 17) == "");
  }
  CHECK(gateway.stat(Stat::compressed) > 50);
}

TEST_CASE("G15 many compressed packets in one record, more than fit beside it at once") {
  NEEDS_NETWORK();
  Gateway gateway;
  auto client = gateway.connect(2, specWith(2, Codec::kLz4));
  Peer peer(Codec::kLz4);
  HostUdp target;
  const int room = 4 << 20;
  REQUIRE(::setsockopt(target.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) == 0);
  constexpr size_t kCount = 150;
  Bytes stream;
  for (size_t i = 0; i < kCount; ++i) {
    Bytes body(1300, static_cast<uint8_t>(i));
    const Bytes frame = VpnClient::frame(cstp::kCompressed, peer.compress(udpPacket(2, target, body)));
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  REQUIRE(stream.size() < 16384);
  REQUIRE(client->sendRaw(stream));
  for (size_t i = 0; i < kCount; ++i) REQUIRE(target.receive() == Bytes(1300, static_cast<uint8_t>(i)));
  CHECK(gateway.stat(Stat::decompressed) == kCount);
}
