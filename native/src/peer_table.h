// The DTLS channels of one worker by the addresses of their datagrams: open addressing, one look for each datagram. The
// worker's thread only.
#pragma once
#include <vector>

#include "dtls_channel.h"

namespace postern {

class PeerTable {
 public:
  PeerTable() : slots_(16) {}

  DtlsChannel* find(const UdpPeer& peer) const noexcept {
    const uint32_t hash = hashOf(peer);
    for (size_t i = hash & mask();; i = (i + 1) & mask()) {
      const Slot& slot = slots_[i];
      if (slot.channel == nullptr) return nullptr;
      if (slot.hash == hash && slot.channel->peer == peer) return slot.channel;
    }
  }
  // In place of whoever had the peer.
  void insert(DtlsChannel& channel) {
    if (2 * (count_ + 1) > slots_.size()) grow();
    const uint32_t hash = hashOf(channel.peer);
    for (size_t i = hash & mask();; i = (i + 1) & mask()) {
      Slot& slot = slots_[i];
      if (slot.channel != nullptr && !(slot.hash == hash && slot.channel->peer == channel.peer)) continue;
      if (slot.channel == nullptr) ++count_;
      slot = {hash, &channel};
      return;
    }
  }
  // Only if the peer is still this channel's.
  void remove(const DtlsChannel& channel) noexcept {
    size_t hole = hashOf(channel.peer) & mask();
    while (slots_[hole].channel != &channel) {
      if (slots_[hole].channel == nullptr) return;
      hole = (hole + 1) & mask();
    }
    // Whoever was pushed behind the hole moves up, so that no search ends early.
    for (size_t i = (hole + 1) & mask(); slots_[i].channel != nullptr; i = (i + 1) & mask()) {
      const size_t home = slots_[i].hash & mask();
      if (((i - home) & mask()) < ((i - hole) & mask())) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
    --count_;
  }
  size_t size() const noexcept { return count_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    DtlsChannel* channel = nullptr;
  };
  static uint32_t hashOf(const UdpPeer& peer) noexcept { return static_cast<uint32_t>(UdpPeerHash{}(peer)); }
  size_t mask() const noexcept { return slots_.size() - 1; }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.channel == nullptr) continue;
      size_t i = slot.hash & mask();
      while (slots_[i].channel != nullptr) i = (i + 1) & mask();
      slots_[i] = slot;
    }
  }

  std::vector<Slot> slots_;
  size_t count_ = 0;
};

}  // namespace postern
