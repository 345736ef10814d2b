// The DTLS channel of a tunnel after its handshake: one association of keys with one peer. Belongs to one worker's thread.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "dtls_handshakes.h"
#include "event.h"
#include "liveness.h"
#include "silence_trial.h"

namespace postern {

class Tunnel;

struct DtlsChannel {
  // Implementation constants.
  static constexpr uint32_t kAnswersPerSecond = 64;  // to DPD: finding the MTU takes a client 20 of them
  static constexpr uint32_t kReplacedSec = 10;      // records that were under way when the client's new keys came

  DtlsChannel(Tunnel& owner, DtlsReady& ready, std::vector<DtlsChannel*>& endings, std::vector<DtlsChannel*>& changes, uint32_t nowSec)
      : tunnel(owner),
        protection(std::move(ready.protection)),
        prefix(protection->prefix()),
        overhead(protection->overhead()),
        peer(ready.peer),
        association(ready.association),
        liveness(nowSec),
        waitsUntilSec(nowSec + static_cast<uint32_t>(DtlsHandshakes::kKeepMs / 1000)),
        cipher(std::move(ready.cipher)),
        former(ready.former),
        endings_(endings),
        changes_(changes) {}

  // One more answer to its DPD requests? A flood of them is not worth a flood.
  bool mayAnswer(uint32_t nowSec) noexcept {
    if (answeredSec_ != nowSec) answers_ = 0;
    answeredSec_ = nowSec;
    return ++answers_ <= kAnswersPerSecond;
  }
  void roam(const UdpPeer& to, uint64_t nowMs) noexcept {
    peer = to;
    roamedMs = nowMs;
    refused = 0;
  }

  // The tunnel's clocks or its MTU have changed: looked at before the round ends.
  void changed() { changes_.push_back(this); }

  // It is over, found in the middle of a round; taken away when the round's packets have gone.
  void end(DtlsDownReason reason) {
    if (ended) return;
    ended = reason;
    if (!retiring) endings_.push_back(this);
  }
  // Its keys have done their duty. The client is not told: to it, the path has fallen silent, and it makes another handshake
  // when its own DPD says so, while what it sends is still read and what we send takes the TLS channel.
  void retire() {
    if (ended || retiring) return;
    retiring = true;
    endings_.push_back(this);
  }

  Tunnel& tunnel;
  std::unique_ptr<DtlsProtection> protection;
  const size_t prefix, overhead;    // of the protection
  UdpPeer peer;                     // Associations::move() alone changes it
  uint64_t roamedMs = 0;            // when it did last
  const uint64_t association;       // its number among the handshakes
  bool confirmed = false;           // the client has spoken under these keys: we may
  bool retiring = false;            // we say nothing any more
  std::optional<DtlsDownReason> ended;
  uint32_t refused = 0;             // sends in a row that the network refused
  Liveness liveness;
  SilenceTrial trial;               // with `learning`
  uint32_t keysSinceSec = 0;        // since it was confirmed
  uint32_t waitsUntilSec;           // not confirmed by then: it never will be; of an old one: gone by then
  std::string cipher;
  const bool former;                // its key is that of the session's first tunnel

 private:
  std::vector<DtlsChannel*>& endings_;
  std::vector<DtlsChannel*>& changes_;
  uint32_t answeredSec_ = 0, answers_ = 0;
};

}  // namespace postern
