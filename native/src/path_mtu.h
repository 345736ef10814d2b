// The largest inner packet that the path of a DTLS channel takes. Found out by padded DPD requests when large packets may be
// lost while small ones arrive, and told by the kernel where routers tell it (RFC 8899, reference protocol section 9.7). Sans
// I/O: seconds and sizes of inner packets in, sizes of probes out.
//
// The clients' answers mostly say nothing of the probe they answer: one probe is under way at a time, and none beside an
// ordinary DPD request. That large ones are lost is only believed of a path on which a small probe is answered. While it is
// in doubt, nothing larger than what was shown to pass goes over the channel; the TLS channel carries it, so nothing is lost.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace postern {

class PathMtu {
 public:
  // Specification constant: every IPv4 host takes as much (RFC 791 section 3.1), and clients search down to it.
  static constexpr uint16_t kLeast = 576;
  // Implementation constants.
  static constexpr uint32_t kStartSec = 2;        // from the channel's first record to a look at its path
  static constexpr uint32_t kAnswerSec = 2;       // for the answer to a probe
  static constexpr uint32_t kTries = 3;           // of a probe whose loss lowers the MTU,
  static constexpr uint32_t kSearchTries = 2;     // and of one that only leaves it where it is
  static constexpr uint32_t kSuspectSec = 2;      // a large packet went out, and nothing has come since
  static constexpr uint32_t kSuspectGapSec = 5;   // at most one look so often then,
  static constexpr uint32_t kVerifySec = 30;      // otherwise, while large packets go out
  static constexpr uint32_t kRaiseSec = 600;      // until a path that has become narrow is tried again (RFC 8899 section 5.1.1)
  static constexpr uint32_t kApartSec = 3;        // between an ordinary DPD request and a probe
  static constexpr uint16_t kPrecision = 8;       // bytes below the path's MTU where a search ends

  // `most`: the tunnel's MTU.
  explicit PathMtu(uint16_t most) noexcept : most_(most), settled_(most), passes_(most) {}

  // What senders are told; kLeast at least.
  uint16_t mtu() const noexcept { return settled_; }
  // May a packet of `length` bytes take the channel now?
  bool carries(size_t length) const noexcept { return length <= passes_; }
  // Does a record with one leave this host, as far as it was told?
  bool leaves(size_t length) const noexcept { return length <= fits_; }

  // The tunnel has got another MTU.
  void limit(uint16_t most, uint32_t nowSec) noexcept;
  // A channel is up, or its peer has moved: what is known may be wrong.
  void begin(uint32_t nowSec) noexcept;
  // The channel is gone. What was found out stays until the next one begins.
  void stop() noexcept;

  // A packet went over the channel. True when nextDue() has changed.
  bool sent(size_t length, uint32_t nowSec) noexcept {
    if (length <= kLeast || armed_) [[likely]] return false;
    armed_ = true;
    armedAt_ = nowSec;
    lookAt_ = nowSec + kSuspectSec;
    return true;
  }
  void heard(uint32_t nowSec) noexcept { heardAt_ = nowSec; }
  // The client has probed with so many bytes. It ends with its largest only when that is answered.
  void clientProbed(size_t length) noexcept { clientProbe_ = length; }
  // An ordinary DPD request goes out.
  void disturbed(uint32_t nowSec) noexcept;
  // A DPD answer with so many bytes of payload has come: none, or as many as the request had. True when it was a probe's:
  // another may be due, nextDue() and mtu() may have changed.
  bool answered(size_t payload, uint32_t nowSec) noexcept;
  // Nothing larger than `fits` leaves this host towards the client.
  void tooLong(size_t fits, uint32_t nowSec) noexcept;

  // The size of the probe that is due now, taken as sent; 0 = none.
  uint16_t due(uint32_t nowSec) noexcept;
  // The second in which due() may have something to say; 0 = never.
  uint32_t nextDue() const noexcept;

 private:
  enum class Phase : uint8_t {
    kIdle,
    kVerify,  // does settled_ still pass?
    kBase,    // it does not: do small ones?
    kSearch,  // low_ passes, high_ does not
  };
  uint16_t base() const noexcept { return std::min(kLeast, most_); }
  uint16_t target() const noexcept;
  void enter(Phase phase) noexcept;
  void look(uint32_t nowSec) noexcept;
  void raise() noexcept;
  void unanswered(uint32_t nowSec) noexcept;
  void narrow(uint32_t nowSec) noexcept;
  void settle(uint16_t mtu, uint32_t nowSec) noexcept;
  void open(uint16_t length) noexcept { passes_ = std::min(length, fits_); }

  uint16_t most_, settled_, passes_;
  uint16_t fits_ = UINT16_MAX;          // what leaves this host
  uint16_t low_ = 0, high_ = 0, next_ = 0;
  uint16_t size_ = 0;                   // of the probe under way
  Phase phase_ = Phase::kIdle;
  uint8_t tries_ = 0;
  bool active_ = false, armed_ = false, unknown_ = false;
  bool echoes_ = false;                 // this client's answers have the length of the request
  uint32_t probedAt_ = 0, notBefore_ = 0, verifiedAt_ = 0, armedAt_ = 0, lookAt_ = 0, heardAt_ = 0, raiseAt_ = 0;
  uint32_t gap_ = 1;                    // doubles when a client answers no probe at all
  size_t clientProbe_ = 0;
};

}  // namespace postern
