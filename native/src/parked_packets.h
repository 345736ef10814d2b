// Packets for a client that changes its connection: kept for a moment, so that a rekey by a new tunnel or a quick reconnect costs
// none (reference protocol section 11). The worker's thread only.
#pragma once
#include <algorithm>
#include <deque>
#include <iterator>
#include <unordered_map>
#include <vector>

#include "handed_packet.h"
#include "tunnel_spec.h"

namespace postern {

class ParkedPackets {
 public:
  // Implementation constants.
  static constexpr uint64_t kKeepMs = 3000;             // what a client needs for TCP, TLS and CONNECT, and more
  static constexpr size_t kBytes = 256 * 1024;          // of one client, and
  static constexpr size_t kAllBytes = 8 * 1024 * 1024;  // of all

  // The tunnel has gone; the routes of its addresses still lead to it.
  void open(uint32_t tunnel, const TunnelSpec& spec, uint64_t nowMs);
  // False: nobody is expected there, or there is no room.
  bool keep(uint32_t tunnel, const VirtioNetHeader& header, ByteView packet);
  bool empty() const noexcept { return lots_.empty(); }
  bool holding() const noexcept { return !held_.empty(); }

  // successor(tunnel, spec) -> Successor: who has the addresses now. Packets whose client is back are given to
  // deliver(const HandedPacket&), in their order; those of others are lost. forget(tunnel, spec): its routes may go. Returns
  // how many packets were lost.
  enum class Successor { kNone, kSameClient, kStranger };
  template <typename Find, typename Deliver, typename Forget>
  size_t settle(uint64_t nowMs, Find&& successor, Deliver&& deliver, Forget&& forget);

 private:
  struct Lot {
    TunnelSpec addresses;
    size_t bytes = 0;
    std::vector<HandedPacket> packets;
  };
  struct Deadline {
    uint32_t tunnel;
    uint64_t atMs;
  };
  std::vector<HandedPacket> take(Lot& lot);

  std::unordered_map<uint32_t, Lot> lots_;
  std::deque<Deadline> deadlines_;  // of all lots, earliest first
  std::vector<uint32_t> held_;      // those with packets
  size_t bytes_ = 0;
};

template <typename Find, typename Deliver, typename Forget>
size_t ParkedPackets::settle(uint64_t nowMs, Find&& successor, Deliver&& deliver, Forget&& forget) {
  size_t lost = 0;
  std::vector<HandedPacket> back;  // delivered behind the loop: a packet may be parked again
  std::erase_if(held_, [&](uint32_t tunnel) {
    Lot& lot = lots_.at(tunnel);
    const Successor found = successor(tunnel, lot.addresses);
    if (found == Successor::kNone) return false;
    std::vector<HandedPacket> packets = take(lot);
    if (found == Successor::kStranger) lost += packets.size();
    else std::move(packets.begin(), packets.end(), std::back_inserter(back));
    return true;
  });
  for (; !deadlines_.empty() && nowMs >= deadlines_.front().atMs; deadlines_.pop_front()) {
    const uint32_t tunnel = deadlines_.front().tunnel;
    Lot& lot = lots_.at(tunnel);
    lost += take(lot).size();
    forget(tunnel, lot.addresses);
    lots_.erase(tunnel);
    std::erase(held_, tunnel);
  }
  std::for_each(back.begin(), back.end(), deliver);
  return lost;
}

}  // namespace postern
