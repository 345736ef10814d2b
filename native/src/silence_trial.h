// Whether the path of a DTLS channel lived through a silence, for sessions that learn how long that may be. Sans I/O:
// seconds in, verdicts out.
//
// A NAT forgets a mapping that nobody used. Only the gateway's own first packet after a silence shows that it has: a
// packet of the client makes the mapping anew. So the trial begins with a DPD request after a silence both ways, and
//   an answer before the client says anything else  -> survived, however late it comes;
//   no answer to kProbes of them, then the client speaks of itself -> not survived: it was there all the time;
//   the client speaks before that -> nobody knows; and when it is never heard again, it has gone away.
#pragma once
#include <cstdint>

namespace postern {

class SilenceTrial {
 public:
  // Implementation constants. A phone's radio sleeps up to some seconds.
  static constexpr uint32_t kWaitSec = 3;
  static constexpr uint32_t kProbes = 3;

  enum class Step : uint8_t {
    kNone,
    kProbe,       // ask again; taken as sent
    kUnanswered,  // once: the last probe has had its time
  };

  // The first probe has gone out. `silentSec`: how long both were silent before it; 0 = not long enough to show anything.
  void begin(uint32_t silentSec, uint32_t nowSec) noexcept {
    silentSec_ = silentSec;
    dueSec_ = nowSec + kWaitSec;
    probes_ = 1;
    spoken_ = false;
  }
  bool running() const noexcept { return probes_ != 0; }

  // What is due now.
  Step check(uint32_t nowSec) noexcept {
    if (dueSec_ == 0 || nowSec < dueSec_) return Step::kNone;
    if (spoken_) return end(false), Step::kNone;
    if (probes_ == kProbes) return dueSec_ = 0, Step::kUnanswered;
    ++probes_;
    dueSec_ = nowSec + kWaitSec;
    return Step::kProbe;
  }
  // An answer has come. The seconds that were survived; 0: nothing is shown.
  uint32_t answered() noexcept { return end(true); }
  // The client has said anything else. The seconds that were not survived; 0: nothing is shown.
  uint32_t spoke() noexcept {
    if (dueSec_ == 0) return end(true);
    if (probes_ > 1) return end(false);
    spoken_ = true;  // an answer to the one probe may still be on its way
    return 0;
  }
  // The second in which check() may have something to do; 0 = never.
  uint32_t nextDue() const noexcept { return dueSec_; }

 private:
  uint32_t end(bool shown) noexcept {
    probes_ = dueSec_ = 0;
    return shown ? silentSec_ : 0;
  }
  uint32_t silentSec_ = 0, dueSec_ = 0;
  uint8_t probes_ = 0;  // sent; 0 = no trial
  bool spoken_ = false;
};

}  // namespace postern
