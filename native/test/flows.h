// Trains of packets that may or may not merge, and what came of them.
#pragma once
#include <functional>

#include "merged.h"

namespace postern::test {

inline constexpr bool kFamilies[] = {false, true};

inline Flow flow(bool ipv6, bool udp = false) {
  Flow f;
  f.ipv6 = ipv6;
  f.udp = udp;
  return f;
}

// Consecutive segments of `sizes` bytes; `last` gets PSH when asked.
inline std::vector<Bytes> train(Flow f, const std::vector<size_t>& sizes, bool push = false) {
  std::vector<Bytes> out;
  for (size_t i = 0; i < sizes.size(); ++i) {
    f.flags = push && i + 1 == sizes.size() ? 0x18 : 0x10;
    out.push_back(build(f, payload(sizes[i], static_cast<uint8_t>(i))));
    f.seq += static_cast<uint32_t>(sizes[i]);
    ++f.id;
  }
  return out;
}

inline std::vector<size_t> sizes(const std::vector<Merged>& merged) {
  std::vector<size_t> out;
  for (const Merged& m : merged) out.push_back(m.packets);
  return out;
}
using Sizes = std::vector<size_t>;

// Segments A B C of one flow, B altered: nothing merges with it, order and bytes stay.
inline bool separates(const Flow& f, const std::function<void(Flow&)>& alter) {
  Flow b = f, c = f;
  b.seq += 100;
  b.id += 1;
  alter(b);
  c.seq += 200;
  c.id += 2;
  const std::vector<Bytes> in{build(f, payload(100)), build(b, payload(100)), build(c, payload(100))};
  const auto out = merge(in);
  if (out.size() != 3) return false;
  for (size_t i = 0; i < 3; ++i) {
    if (!out[i].alone() || out[i].packet != in[i]) return false;
  }
  return true;
}
inline bool separatesIp(bool ipv6, bool udp, const std::function<void(Flow&)>& alter) { return separates(flow(ipv6, udp), alter); }

}  // namespace postern::test
