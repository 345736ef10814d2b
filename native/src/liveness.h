// When a channel probes its silent client, keeps a silent path open, and gives up (reference protocol section 8). Sans
// I/O: seconds in, actions out.
#pragma once
#include <algorithm>
#include <cstdint>

#include "tunnel_spec.h"

namespace postern {

// Of one channel, in seconds.
struct ChannelClocks {
  uint32_t dpdSec;        // silence before a probe; 0 = none
  uint32_t dpdRetries;
  uint32_t keepaliveSec;  // without sending; 0 = none
  uint32_t giveUpSec = 0; // silence that ends it, instead of the retries; 0 = they do
};
inline ChannelClocks tlsClocks(const TunnelSpec& spec) noexcept { return {spec.dpdSec, spec.dpdRetries, spec.keepaliveSec}; }
// Where silences are tried out, a probe without an answer says little. What says more is that the client, which knows the
// interval of the TLS channel as that of this one, has not spoken then either.
inline constexpr uint32_t kLearningGraceSec = 30;
inline ChannelClocks dtlsClocks(const TunnelSpec& spec) noexcept {
  return {spec.dtlsDpdSec, spec.dpdRetries, spec.dtlsKeepaliveSec, spec.learning ? spec.dpdSec + kLearningGraceSec : 0};
}

class Liveness {
 public:
  enum class Action : uint8_t { kNone, kProbe, kKeepalive, kDead };

  explicit Liveness(uint32_t nowSec) noexcept : heard_(nowSec), sent_(nowSec) {}

  void heard(uint32_t nowSec) noexcept {
    heard_ = nowSec;
    probes_ = 0;
  }
  void sent(uint32_t nowSec) noexcept { sent_ = nowSec; }
  // Seconds in which neither side said anything.
  uint32_t silence(uint32_t nowSec) const noexcept { return nowSec - std::min(nowSec, std::max(heard_, sent_)); }

  // What is due now; a probe or a keepalive is taken as sent. Ask again until kNone.
  Action check(const ChannelClocks& clocks, uint32_t nowSec) noexcept {
    if (clocks.dpdSec != 0 && nowSec >= nextProbe(clocks)) {
      if (probes_ != 0 && (clocks.giveUpSec != 0 ? nowSec >= heard_ + clocks.giveUpSec : probes_ >= clocks.dpdRetries)) return Action::kDead;
      ++probes_;
      probed_ = sent_ = nowSec;
      return Action::kProbe;
    }
    if (clocks.keepaliveSec != 0 && nowSec >= sent_ + clocks.keepaliveSec) {
      sent_ = nowSec;
      return Action::kKeepalive;
    }
    return Action::kNone;
  }

  // The second in which check() may have something to do; 0 = never.
  uint32_t nextDue(const ChannelClocks& clocks) const noexcept {
    uint32_t due = clocks.dpdSec != 0 ? nextProbe(clocks) : 0;
    if (clocks.keepaliveSec != 0) {
      const uint32_t keepalive = sent_ + clocks.keepaliveSec;
      due = due == 0 ? keepalive : std::min(due, keepalive);
    }
    return due;
  }

 private:
  uint32_t nextProbe(const ChannelClocks& clocks) const noexcept {
    return probes_ == 0 ? heard_ + clocks.dpdSec : probed_ + std::max(1u, clocks.dpdSec / 2);
  }
  uint32_t heard_, sent_;
  uint32_t probed_ = 0;
  uint32_t probes_ = 0;  // unanswered
};

}  // namespace postern
