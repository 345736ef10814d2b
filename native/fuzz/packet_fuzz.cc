// Parsing, flows, the extension-header walk, the MSS of a SYN, too-big answers and checksums of any bytes.
#include <cstdlib>

#include "../test/packets.h"
#include "flow_hash.h"
#include "mss_clamp.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  if (checksumFold(checksumPartial(bytes)) != test::naiveSum(bytes)) std::abort();

  PacketInfo info, toward;
  const bool parsed = parsePacket(bytes, info);
  if (destination(bytes, toward) != parsed) std::abort();
  if (parsed && (info.length != size || info.dst4 != toward.dst4 || info.dst6 != toward.dst6)) std::abort();

  if (flowHash(bytes) != flowHash(Bytes(bytes.begin(), bytes.end()))) std::abort();

  uint8_t protocol;
  size_t offset;
  if (transport6(bytes, protocol, offset) && offset > size) std::abort();

  if (parsed && isTcpSyn(bytes)) {
    // What the checksum says of the segment, right or wrong, it says afterwards; lengths and everything else stay.
    Bytes packet(bytes.begin(), bytes.end());
    const size_t l4 = info.version == 6 ? offset : (packet[0] & 0x0f) * size_t{4};
    const auto sum = [&] { return test::naiveSum(ByteView(packet).subspan(l4), test::naivePseudo(packet, 6, size - l4)); };
    const uint16_t before = sum();
    const bool changed = clampMss(packet, 576);
    if (sum() != before && sum() % 0xffff != before % 0xffff) std::abort();
    if (changed != (packet != Bytes(bytes.begin(), bytes.end())) || clampMss(packet, 576)) std::abort();
  }

  const Ipv6 gateway6{0xfd, 1};
  Bytes into(1280);
  into.resize(buildTooBig(bytes, 1280, 0x0a000001, gateway6, into));
  if (into.empty()) return 0;
  PacketInfo answer;
  if (!parsed || !parsePacket(into, answer) || answer.version != info.version) std::abort();
  const bool v6 = info.version == 6;
  if (answer.dst4 != info.src4 || answer.dst6 != info.src6) std::abort();
  const size_t header = v6 ? 40 : 20;
  const uint64_t initial = v6 ? test::naivePseudo(into, 58, into.size() - header) : 0;
  if (test::naiveSum(ByteView(into).subspan(header), initial) != 0xffff) std::abort();
  // Never an answer to an answer.
  Bytes again(1280);
  if (buildTooBig(into, 1280, 0x0a000002, gateway6, again) != 0) std::abort();
  return 0;
}
