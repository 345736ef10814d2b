// When a tunnel probes its silent client, keeps a silent path open, and gives up (reference protocol section 8). Sans
// I/O: seconds in, actions out.
#pragma once
#include <algorithm>
#include <cstdint>

#include "tunnel_spec.h"

namespace postern {

class Liveness {
 public:
  enum class Action : uint8_t { kNone, kProbe, kKeepalive, kDead };

  explicit Liveness(uint32_t nowSec) noexcept : heard_(nowSec), sent_(nowSec) {}

  void heard(uint32_t nowSec) noexcept {
    heard_ = nowSec;
    probes_ = 0;
  }
  void sent(uint32_t nowSec) noexcept { sent_ = nowSec; }

  // What is due now; a probe or a keepalive is taken as sent. Ask again until kNone.
  Action check(const TunnelSpec& spec, uint32_t nowSec) noexcept {
    if (spec.dpdSec != 0 && nowSec >= nextProbe(spec)) {
      if (probes_ != 0 && probes_ >= spec.dpdRetries) return Action::kDead;
      ++probes_;
      probed_ = sent_ = nowSec;
      return Action::kProbe;
    }
    if (spec.keepaliveSec != 0 && nowSec >= sent_ + spec.keepaliveSec) {
      sent_ = nowSec;
      return Action::kKeepalive;
    }
    return Action::kNone;
  }

  // The second in which check() may have something to do; 0 = never.
  uint32_t nextDue(const TunnelSpec& spec) const noexcept {
    uint32_t due = spec.dpdSec != 0 ? nextProbe(spec) : 0;
    if (spec.keepaliveSec != 0) {
      const uint32_t keepalive = sent_ + spec.keepaliveSec;
      due = due == 0 ? keepalive : std::min(due, keepalive);
    }
    return due;
  }

 private:
  uint32_t nextProbe(const TunnelSpec& spec) const noexcept {
    return probes_ == 0 ? heard_ + spec.dpdSec : probed_ + std::max(1u, spec.dpdSec / 2);
  }
  uint32_t heard_, sent_;
  uint32_t probed_ = 0;
  uint32_t probes_ = 0;  // unanswered
};

}  // namespace postern
