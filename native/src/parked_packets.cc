#include "parked_packets.h"

#include <utility>

namespace postern {

void ParkedPackets::open(uint32_t tunnel, const TunnelSpec& spec, uint64_t nowMs) {
  Lot lot;
  lot.addresses.ipv4 = spec.ipv4;
  lot.addresses.ipv6 = spec.ipv6;
  lot.addresses.networks = spec.networks;
  if (lots_.emplace(tunnel, std::move(lot)).second) deadlines_.push_back({tunnel, nowMs + kKeepMs});
}

bool ParkedPackets::keep(uint32_t tunnel, const VirtioNetHeader& header, ByteView packet) {
  const auto found = lots_.find(tunnel);
  if (found == lots_.end()) return false;
  Lot& lot = found->second;
  if (lot.bytes + packet.size() > kBytes || bytes_ + packet.size() > kAllBytes) return false;
  if (lot.packets.empty()) held_.push_back(tunnel);
  lot.packets.push_back({header, Bytes(packet.begin(), packet.end())});
  lot.bytes += packet.size();
  bytes_ += packet.size();
  return true;
}

std::vector<HandedPacket> ParkedPackets::take(Lot& lot) {
  bytes_ -= std::exchange(lot.bytes, 0);
  return std::exchange(lot.packets, {});
}

}  // namespace postern
