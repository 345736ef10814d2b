// The DTLS channel of a tunnel after its handshake: one association of keys with one peer. Belongs to one worker's thread.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "dtls_handshakes.h"
#include "event.h"
#include "liveness.h"

namespace postern {

class Tunnel;

struct DtlsChannel {
  // Implementation constants.
  static constexpr uint32_t kAnswersPerSecond = 64;  // to DPD: finding the MTU takes a client 20 of them
  static constexpr uint32_t kForgetLimitSec = 600;  // as the kernel forgets what it has learnt of a path
  static constexpr uint32_t kReplacedSec = 10;      // records that were under way when the client's new keys came

  DtlsChannel(Tunnel& owner, DtlsReady& ready, std::vector<DtlsChannel*>& endings, uint32_t nowSec)
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
        endings_(endings) {}

  // May a record with `plain` bytes take the path to this client?
  bool carries(size_t plain, uint32_t nowSec) noexcept {
    if (plain + overhead <= limit) [[likely]] return true;
    if (nowSec < limitUntilSec) return false;
    limit = SIZE_MAX;
    return true;
  }
  // One more answer to its DPD requests? A flood of them is not worth a flood.
  bool mayAnswer(uint32_t nowSec) noexcept {
    if (answeredSec_ != nowSec) answers_ = 0;
    answeredSec_ = nowSec;
    return ++answers_ <= kAnswersPerSecond;
  }
  // A record of `length` bytes was longer than the path takes.
  void tooLong(size_t length, uint32_t nowSec) noexcept {
    limit = std::min(limit, length - 1);
    limitUntilSec = nowSec + kForgetLimitSec;
  }

  // Another path: what was known of the old one says nothing.
  void roam(const UdpPeer& to, uint64_t nowMs) noexcept {
    peer = to;
    roamedMs = nowMs;
    limit = SIZE_MAX;
    refused = 0;
  }

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
  size_t limit = SIZE_MAX;          // longest record the path takes, as far as we were told
  UdpPeer peer;                     // Associations::move() alone changes it
  uint64_t roamedMs = 0;            // when it did last
  const uint64_t association;       // its number among the handshakes
  bool confirmed = false;           // the client has spoken under these keys: we may
  bool retiring = false;            // we say nothing any more
  std::optional<DtlsDownReason> ended;
  uint32_t refused = 0;             // sends in a row that the network refused
  Liveness liveness;
  uint32_t limitUntilSec = 0;
  uint32_t keysSinceSec = 0;        // since it was confirmed
  uint32_t waitsUntilSec;           // not confirmed by then: it never will be; of an old one: gone by then
  std::string cipher;
  const bool former;                // its key is that of the session's first tunnel

 private:
  std::vector<DtlsChannel*>& endings_;
  uint32_t answeredSec_ = 0, answers_ = 0;
};

}  // namespace postern
