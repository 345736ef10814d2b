// Key -> tunnel for the router: an open hash table that many threads read without a lock while one writes.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "router.h"

namespace postern {

namespace route_table {
inline constexpr uint64_t kEmpty = 0;                       // never used: a probe ends here
inline constexpr uint64_t kRemoved = uint64_t{1} << 32;     // tunnel 0: the key stays, the route is gone
inline constexpr size_t kFirstCapacity = 1024;

inline uint64_t encode(Route route) noexcept { return uint64_t{route.worker} << 32 | route.tunnel; }
inline Route decode(uint64_t value) noexcept {
  const auto tunnel = static_cast<uint32_t>(value);
  return tunnel == 0 ? Route{} : Route{tunnel, static_cast<uint32_t>(value >> 32)};
}
}  // namespace route_table

// Open addressing with linear probing over atomic slots, at most half full.
//
// Within one table a slot's key is written once, before the value that publishes it, so a reader needs nothing else.
// Removed keys stay; when keys fill half of the table the writer rebuilds it in a spare one, of twice the size if the
// live keys need it, and switches. The spare of the same size is the table before the last: a reader may still be in
// it, so generation_ counts the switches and a reader that sees it changed looks again. All words are atomic and read
// with acquire: whoever reads a word of a later rebuild also sees the switch that made the table spare, and discards
// its answer. A reader never waits for the writer; it repeats only when a switch has happened meanwhile.
// Memory: two tables of each size ever needed, sizes double, so at most four times the largest table.
template <size_t kWords>
class RouteTable {
 public:
  using Key = std::array<uint64_t, kWords>;

  RouteTable() { grow(route_table::kFirstCapacity); }

  void insert(const Key& key, Route route) {
    if (route.tunnel == 0) return;
    if (Slot* slot = locate(*writing_, key)) {
      const uint64_t before = slot->value.exchange(route_table::encode(route), std::memory_order_acq_rel);
      if (before == route_table::kRemoved) add(1);
      return;
    }
    if ((used_ + 1) * 2 > writing_->size()) rebuild();
    place(*writing_, key, route_table::encode(route));
    ++used_;
    add(1);
  }

  void remove(const Key& key, uint32_t tunnel) {
    Slot* slot = locate(*writing_, key);
    if (slot == nullptr || tunnel == 0) return;
    if (route_table::decode(slot->value.load(std::memory_order_relaxed)).tunnel != tunnel) return;
    slot->value.store(route_table::kRemoved, std::memory_order_release);
    live_.store(size() - 1, std::memory_order_relaxed);
  }

  Route find(const Key& key) const noexcept {
    for (;;) {
      const uint64_t generation = generation_.load(std::memory_order_acquire);
      const Slots& table = *current_.load(std::memory_order_acquire);
      const Slot* slot = locate(table, key);
      const uint64_t value = slot == nullptr ? route_table::kEmpty : slot->value.load(std::memory_order_acquire);
      if (generation_.load(std::memory_order_acquire) == generation) return route_table::decode(value);
    }
  }

  size_t size() const noexcept { return live_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    std::atomic<uint64_t> value{route_table::kEmpty};
    std::array<std::atomic<uint64_t>, kWords> key{};
  };
  using Slots = std::vector<Slot>;

  static size_t hash(const Key& key) noexcept {
    uint64_t h = 0;
    // Both halves of the product: pool addresses differ in any few bits of a word, lowest or highest.
    for (const uint64_t word : key) {
      const auto product = static_cast<unsigned __int128>(h ^ word ^ 0x2d358dccaa6c78a5) * 0x9e3779b97f4a7c15;
      h = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    }
    return h;
  }

  template <typename S>
  static auto locate(S& table, const Key& key) noexcept -> decltype(table.data()) {
    const size_t mask = table.size() - 1;
    size_t at = hash(key) & mask;
    for (size_t probes = 0; probes < table.size(); ++probes, at = (at + 1) & mask) {
      auto& slot = table[at];
      if (slot.value.load(std::memory_order_acquire) == route_table::kEmpty) return nullptr;
      bool same = true;
      for (size_t i = 0; i < kWords; ++i) same &= slot.key[i].load(std::memory_order_acquire) == key[i];
      if (same) return &slot;
    }
    return nullptr;
  }

  static void place(Slots& table, const Key& key, uint64_t value) noexcept {
    const size_t mask = table.size() - 1;
    size_t at = hash(key) & mask;
    while (table[at].value.load(std::memory_order_relaxed) != route_table::kEmpty) at = (at + 1) & mask;
    for (size_t i = 0; i < kWords; ++i) table[at].key[i].store(key[i], std::memory_order_release);
    table[at].value.store(value, std::memory_order_release);
  }

  void rebuild() {
    const Slots& from = *writing_;
    if (size() * 4 > from.size()) {
      grow(from.size() * 2, &from);
      return;
    }
    for (Slot& slot : *spare_) slot.value.store(route_table::kEmpty, std::memory_order_release);
    fill(*spare_, from);
    std::swap(writing_, spare_);
    publish();
  }

  void grow(size_t capacity, const Slots* from = nullptr) {
    auto table = std::make_unique<Slots>(capacity);
    auto spare = std::make_unique<Slots>(capacity);
    owned_.reserve(owned_.size() + 2);
    if (from != nullptr) fill(*table, *from);
    writing_ = table.get();
    spare_ = spare.get();
    owned_.push_back(std::move(table));
    owned_.push_back(std::move(spare));
    publish();
  }

  void fill(Slots& to, const Slots& from) noexcept {
    used_ = 0;
    for (const Slot& slot : from) {
      const uint64_t value = slot.value.load(std::memory_order_relaxed);
      if (value == route_table::kEmpty || value == route_table::kRemoved) continue;
      Key key;
      for (size_t i = 0; i < kWords; ++i) key[i] = slot.key[i].load(std::memory_order_relaxed);
      place(to, key, value);
      ++used_;
    }
  }

  void publish() noexcept {
    current_.store(writing_, std::memory_order_release);
    generation_.fetch_add(1, std::memory_order_acq_rel);
  }

  void add(size_t n) noexcept { live_.store(size() + n, std::memory_order_relaxed); }

  std::atomic<const Slots*> current_{nullptr};
  std::atomic<uint64_t> generation_{0};
  std::atomic<size_t> live_{0};
  // The writer's.
  Slots* writing_ = nullptr;
  Slots* spare_ = nullptr;
  size_t used_ = 0;  // keys in writing_, removed ones too
  std::vector<std::unique_ptr<Slots>> owned_;
};

}  // namespace postern
