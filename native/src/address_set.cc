#include "address_set.h"

#include <algorithm>

#include "byte_order.h"
#include "ip_prefix.h"

namespace postern {
namespace {

template <typename Ranges>
void merge(Ranges& ranges) {
  std::sort(ranges.begin(), ranges.end());
  size_t kept = 0;
  for (const auto& range : ranges) {
    if (kept != 0 && range.first <= ranges[kept - 1].second) {
      ranges[kept - 1].second = std::max(ranges[kept - 1].second, range.second);
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
  ranges.shrink_to_fit();
}

template <typename Ranges, typename Address>
bool within(const Ranges& ranges, const Address& address) noexcept {
  const auto behind = std::upper_bound(ranges.begin(), ranges.end(), address, [](const Address& a, const auto& range) { return a < range.first; });
  return behind != ranges.begin() && !(std::prev(behind)->second < address);
}

}  // namespace

bool AddressSet::add(const std::string& text) {
  IpPrefix prefix;
  if (!parsePrefix(text, prefix)) return false;
  const IpPrefix network = prefix.network();
  if (!prefix.ipv6) {
    const uint32_t first = load32(network.bytes.data());
    v4_.emplace_back(first, first | static_cast<uint32_t>(uint64_t{0xffffffff} >> prefix.length));
    return true;
  }
  Ipv6 last = network.bytes;
  for (size_t bit = prefix.length; bit < 128; ++bit) last[bit / 8] |= static_cast<uint8_t>(0x80 >> (bit % 8));
  v6_.emplace_back(network.bytes, last);
  return true;
}

void AddressSet::seal() {
  merge(v4_);
  merge(v6_);
}

bool AddressSet::has(Ipv4 address) const noexcept { return within(v4_, address); }
bool AddressSet::has(const Ipv6& address) const noexcept { return within(v6_, address); }

}  // namespace postern
