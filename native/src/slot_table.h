// Connections of one front by handle.
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "connection.h"
#include "handle.h"

namespace postern {

class SlotTable {
 public:
  explicit SlotTable(uint32_t front) : front_(front) {}
  // 0 when all slots are taken. The handle is reserved until put() or release().
  uint32_t reserve() {
    if (free_.empty()) {
      if (slots_.size() == kMaxSlots) return 0;
      free_.push_back(static_cast<uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const uint32_t slot = free_.front();  // longest unused first: generations last longer
    free_.pop_front();
    return makeHandle({front_, slot, slots_[slot].generation});
  }
  void put(std::unique_ptr<Connection> c) {
    Slot& slot = slots_[splitHandle(c->handle).slot];
    slot.connection = std::move(c);
    ++count_;
  }
  Connection* find(uint32_t handle) const noexcept {
    const HandleParts parts = splitHandle(handle);
    if (parts.slot >= slots_.size() || slots_[parts.slot].generation != parts.generation) return nullptr;
    return slots_[parts.slot].connection.get();
  }
  // Ends the generation and gives the connection back.
  std::unique_ptr<Connection> release(uint32_t handle) {
    const uint32_t number = splitHandle(handle).slot;
    Slot& slot = slots_[number];
    if (++slot.generation == kGenerations) slot.generation = 1;
    free_.push_back(number);
    if (slot.connection) --count_;
    return std::move(slot.connection);
  }
  size_t size() const noexcept { return count_; }
  template <typename Each>
  void forEach(Each&& each) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (Connection* c = slots_[i].connection.get()) each(*c);
    }
  }

 private:
  struct Slot {
    uint32_t generation = 1;
    std::unique_ptr<Connection> connection;
  };
  const uint32_t front_;
  std::vector<Slot> slots_;
  std::deque<uint32_t> free_;
  size_t count_ = 0;
};

}  // namespace postern
