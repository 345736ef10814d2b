// Network -> tunnel, the longest prefix wins. Readers need no lock; one writer.
#pragma once
#include <bit>

#include "byte_order.h"
#include "route_table.h"

namespace postern {

// An address from its highest bit on: IPv4 in the upper half of one word, IPv6 in two.
inline std::array<uint64_t, 1> addressWords4(const std::array<uint8_t, 16>& bytes) noexcept { return {uint64_t{load32(bytes.data())} << 32}; }
inline std::array<uint64_t, 2> addressWords6(const std::array<uint8_t, 16>& bytes) noexcept { return {load64(bytes.data()), load64(bytes.data() + 8)}; }

// One exact look-up for each length in use: those of the few clients with networks behind them.
template <size_t kWords>
class NetworkRoutes {
 public:
  using Words = std::array<uint64_t, kWords>;

  void insert(const Words& address, uint8_t length, Route route) {
    if (route.tunnel == 0) return;
    const auto key = keyOf(address, length);
    if (table_.find(key).tunnel == 0) ++counts_[length];
    table_.insert(key, route);
    lengths_[length / 64].fetch_or(uint64_t{1} << length % 64, std::memory_order_release);
  }

  void remove(const Words& address, uint8_t length, uint32_t tunnel) {
    const auto key = keyOf(address, length);
    if (tunnel == 0 || table_.find(key).tunnel != tunnel) return;
    table_.remove(key, tunnel);
    if (--counts_[length] == 0) lengths_[length / 64].fetch_and(~(uint64_t{1} << length % 64), std::memory_order_release);
  }

  Route find(const Words& address) const noexcept {
    for (size_t word = lengths_.size(); word-- > 0;) {
      for (uint64_t left = lengths_[word].load(std::memory_order_acquire); left != 0;) {
        const int bit = 63 - std::countl_zero(left);
        left &= ~(uint64_t{1} << bit);
        const Route route = table_.find(keyOf(address, static_cast<uint8_t>(word * 64 + static_cast<size_t>(bit))));
        if (route.tunnel != 0) return route;
      }
    }
    return {};
  }

 private:
  using Table = RouteTable<kWords + 1>;

  static typename Table::Key keyOf(const Words& address, uint8_t length) noexcept {
    typename Table::Key key{};
    for (size_t i = 0; i < kWords; ++i) {
      const int bits = length - static_cast<int>(64 * i);
      key[i] = bits <= 0 ? 0 : bits >= 64 ? address[i] : address[i] & ~(~uint64_t{0} >> bits);
    }
    key[kWords] = length;
    return key;
  }

  Table table_;
  std::array<std::atomic<uint64_t>, 3> lengths_{};  // bit n: networks of length n
  std::array<uint32_t, 129> counts_{};              // the writer's
};

}  // namespace postern
