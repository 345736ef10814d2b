// Split and merge undo each other: a super-packet, cut as for the wire and merged as from it, is that super-packet again, in
// runs as long as the rules allow. Input: one octet of flags (1: IPv6, 2: UDP, 4: options, 8: PSH, 16: no DF), two of segment
// size, two of payload length, one each of the class and the identification, then payload, repeated as far as needed.
#include <algorithm>
#include <cstdlib>

#include "../test/merged.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 8) return 0;
  test::Flow f;
  f.ipv6 = (data[0] & 1) != 0;
  f.udp = (data[0] & 2) != 0;
  if ((data[0] & 4) != 0 && !f.udp) f.options = Bytes{1, 1, 8, 10, data[5], 0, 0, 1, 0, 0, 0, data[6]};
  const bool push = (data[0] & 8) != 0 && !f.udp;
  if (push) f.flags |= 0x08;
  if ((data[0] & 16) != 0) f.fragment = 0;
  f.tos = data[5];
  f.id = static_cast<uint16_t>(data[6] * 257);
  f.seq = uint32_t{data[6]} << 24 | 0xfff000;
  const size_t most = 65535 - f.headers();
  const size_t gso = std::max<size_t>(1, std::min<size_t>(most, size_t{data[1]} << 8 | data[2]));
  const size_t length = std::min({most, size_t{data[3]} << 8 | data[4], gso * 300});
  if (length == 0) return 0;
  Bytes payload(length);
  for (size_t i = 0; i < length; ++i) payload[i] = data[7 + i % (size - 7)];
  const Bytes whole = test::build(f, payload);
  Bytes super = whole;
  const VirtioNetHeader header = test::offload(super, f, static_cast<uint16_t>(gso));

  std::vector<Bytes> pieces;
  const int n = segment(header, super, [&](size_t bytes) {
    pieces.emplace_back(bytes);
    return pieces.back().data();
  });
  const size_t count = (length + gso - 1) / gso;
  if (n < 0 || static_cast<size_t>(n) != count) std::abort();
  for (const Bytes& piece : pieces) {
    if (!test::fault(piece, f.l4(), f.protocol()).empty()) std::abort();
  }

  const auto merged = test::merge(pieces);
  if (merged.size() != (count + Coalescer::kMaxParts - 1) / Coalescer::kMaxParts) std::abort();
  Bytes joined;
  for (const test::Merged& m : merged) joined.insert(joined.end(), m.packet.begin() + static_cast<ptrdiff_t>(f.headers()), m.packet.end());
  if (joined != payload) std::abort();
  if (merged.size() == 1) {
    // The kernel's own header, but for hdr_len, which it may fill as it likes; one packet needs none.
    const test::Merged& m = merged[0];
    if (m.packet != (count == 1 ? pieces[0] : super)) std::abort();
    if (count > 1 && (m.header.gsoType != header.gsoType || m.header.gsoSize != header.gsoSize || m.header.flags != header.flags ||
                      m.header.csumStart != header.csumStart || m.header.csumOffset != header.csumOffset)) {
      std::abort();
    }
  }
  return 0;
}
