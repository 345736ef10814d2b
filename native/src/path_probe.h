// The probe that a tunnel's path asks for: a DPD request padded to the size in question, all of it zeros (reference protocol
// section 9.7).
#pragma once
#include <algorithm>

#include "tunnel.h"
#include "udp_output.h"

namespace postern {

inline void probePath(Tunnel& tunnel, UdpOutput& output, StatBlock& stats, uint32_t nowSec) {
  if (!tunnel.dtls || tunnel.dtls->ended) return;
  const uint16_t size = tunnel.path.due(nowSec);
  if (size == 0) return;
  stats.add(Stat::mtuProbes);
  std::fill_n(output.reserve(*tunnel.dtls, size), size, uint8_t{0});
  output.send(*tunnel.dtls, cstp::kDpdReq, size, nowSec);
}

}  // namespace postern
