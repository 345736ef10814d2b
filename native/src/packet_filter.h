// What may pass through a tunnel: TunnelFilter of core/dataplane.ts, compiled. Immutable once made; sans I/O.
#pragma once
#include <vector>

#include "address_set.h"
#include "packet.h"

namespace postern {

struct FilterRule {
  enum class Protocol : uint8_t { kAny, kTcp, kUdp, kIcmp };

  bool pass = false;
  Protocol protocol = Protocol::kAny;
  uint16_t firstPort = 0, lastPort = 0xffff;  // of the destination; all of them: not looked at
  bool anywhere = true;                       // `to` is not looked at
  bool elsewhere = false;                     // everywhere but `to`
  AddressSet to;
};

class PacketFilter {
 public:
  // The sets are sealed here.
  PacketFilter(std::vector<FilterRule> rules, AddressSet closedTo, bool apart = false);

  // `packet` was accepted by parsePacket(), which filled `info`. The first rule that matches decides. Protocol and ports that
  // cannot be seen (later fragments, broken extension headers, a cut header) match a rule that drops and no rule that passes.
  bool fromClient(ByteView packet, const PacketInfo& info) const noexcept;
  // `packet` was accepted by destination().
  bool toClient(ByteView packet) const noexcept;
  // Nothing passes between the client and what is routed to any tunnel: the router knows.
  bool apart() const noexcept { return apart_; }

 private:
  std::vector<FilterRule> rules_;
  AddressSet closedTo_;
  bool apart_;
};

}  // namespace postern
