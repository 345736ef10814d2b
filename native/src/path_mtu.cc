#include "path_mtu.h"

#include <utility>

namespace postern {

void PathMtu::limit(uint16_t most, uint32_t nowSec) noexcept {
  if (most == most_) return;
  const bool full = settled_ == most_;
  most_ = most;
  settle(full ? most : std::min(settled_, most), nowSec);
  unknown_ = true;
}

void PathMtu::begin(uint32_t nowSec) noexcept {
  active_ = unknown_ = true;
  fits_ = UINT16_MAX;
  settle(settled_, nowSec);
  gap_ = 1;
  clientProbe_ = 0;
  if (settled_ < most_) {
    raiseAt_ = nowSec + kStartSec;
  } else {
    armed_ = true;
    armedAt_ = nowSec;
    lookAt_ = nowSec + kStartSec;
  }
}

void PathMtu::stop() noexcept {
  active_ = false;
  size_ = 0;
  enter(Phase::kIdle);
}

void PathMtu::disturbed(uint32_t nowSec) noexcept {
  if (size_ != 0) --tries_;
  size_ = 0;
  notBefore_ = nowSec + kApartSec;
}

bool PathMtu::answered(size_t payload, uint32_t nowSec) noexcept {
  if (size_ == 0 || payload != (echoes_ || payload != 0 ? size_ : 0)) return false;
  echoes_ = payload != 0;
  const uint16_t passed = size_;
  size_ = 0;
  if (tries_ > 1) notBefore_ = nowSec + kAnswerSec;  // the other answer may be on its way
  gap_ = 1;
  switch (phase_) {
    case Phase::kIdle:
      break;
    case Phase::kVerify:
      verifiedAt_ = nowSec;
      enter(Phase::kIdle);
      break;
    case Phase::kBase:
      low_ = passed;
      high_ = settled_;
      enter(Phase::kSearch);
      narrow(nowSec);
      break;
    case Phase::kSearch:
      low_ = passed;
      open(low_);
      narrow(nowSec);
      break;
  }
  return true;
}

void PathMtu::tooLong(size_t fits, uint32_t nowSec) noexcept {
  if (fits >= fits_) return;
  fits_ = static_cast<uint16_t>(fits);
  clientProbe_ = 0;
  open(passes_);
  if (size_ > fits_) size_ = 0;
  if (phase_ == Phase::kSearch) {
    high_ = std::min<uint16_t>(high_, fits_ + 1);
    if (low_ >= high_) return settle(std::max(fits_, base()), nowSec);
    if (size_ == 0) narrow(nowSec);
  } else if (fits_ < settled_) {
    settle(std::max(fits_, base()), nowSec);
    unknown_ = true;
  }
}

uint16_t PathMtu::due(uint32_t nowSec) noexcept {
  if (!active_) return 0;
  if (size_ != 0) {
    if (nowSec < probedAt_ + kAnswerSec) return 0;
    unanswered(nowSec);
  }
  if (phase_ == Phase::kIdle) look(nowSec);
  if (phase_ == Phase::kIdle || nowSec < notBefore_) return 0;
  ++tries_;
  probedAt_ = nowSec;
  return size_ = target();
}

uint32_t PathMtu::nextDue() const noexcept {
  if (!active_) return 0;
  if (size_ != 0) return probedAt_ + kAnswerSec;
  if (phase_ != Phase::kIdle) return std::max(notBefore_, 1u);
  if (!armed_) return raiseAt_;
  return raiseAt_ == 0 ? lookAt_ : std::min(raiseAt_, lookAt_);
}

uint16_t PathMtu::target() const noexcept {
  return phase_ == Phase::kVerify ? settled_ : phase_ == Phase::kBase ? base() : next_;
}

void PathMtu::enter(Phase phase) noexcept {
  phase_ = phase;
  tries_ = 0;
  if (phase == Phase::kIdle) open(settled_);
}

void PathMtu::look(uint32_t nowSec) noexcept {
  if (raiseAt_ != 0 && nowSec >= raiseAt_) return raise();
  if (!armed_ || nowSec < lookAt_) return;
  armed_ = false;
  if (settled_ <= base()) return;
  if (std::exchange(unknown_, false)) {
    if (clientProbe_ < settled_) enter(Phase::kVerify);
    return;
  }
  const bool suspect = heardAt_ <= armedAt_;
  const uint32_t earliest = verifiedAt_ + (suspect ? kSuspectGapSec : kVerifySec) * gap_;
  if (nowSec < earliest) {
    armed_ = suspect;
    lookAt_ = earliest;
    return;
  }
  enter(Phase::kVerify);
  // A sender that waits for what was lost tries again ever more seldom: its next try should arrive.
  if (suspect) open(base());
}

void PathMtu::raise() noexcept {
  raiseAt_ = 0;
  fits_ = UINT16_MAX;
  low_ = settled_;
  high_ = static_cast<uint16_t>(most_ + 1);
  next_ = most_;
  enter(Phase::kSearch);
  open(low_);
}

void PathMtu::unanswered(uint32_t nowSec) noexcept {
  const uint16_t lost = size_;
  size_ = 0;
  switch (phase_) {
    case Phase::kIdle:
      return;
    case Phase::kVerify:
      open(base());
      if (tries_ >= kTries) enter(Phase::kBase);
      return;
    case Phase::kBase:
      if (tries_ < kTries) return;
      // Nothing is answered: that says nothing of sizes.
      verifiedAt_ = nowSec;
      gap_ = std::min(gap_ * 2, kRaiseSec / kVerifySec);
      return enter(Phase::kIdle);
    case Phase::kSearch:
      if (tries_ < kSearchTries) return;
      high_ = lost;
      return narrow(nowSec);
  }
}

// The next step of a search, or its end.
void PathMtu::narrow(uint32_t nowSec) noexcept {
  if (high_ - low_ <= kPrecision) return settle(low_, nowSec);
  next_ = static_cast<uint16_t>((low_ + high_) / 2);
  tries_ = 0;
}

void PathMtu::settle(uint16_t mtu, uint32_t nowSec) noexcept {
  settled_ = mtu;
  verifiedAt_ = nowSec;
  raiseAt_ = mtu < most_ ? nowSec + kRaiseSec : 0;
  size_ = 0;
  armed_ = false;
  enter(Phase::kIdle);
}

}  // namespace postern
