#include "admission.h"

#include <netinet/in.h>

#include <cstring>

namespace postern {

Admission::Source Admission::sourceOf(const sockaddr_storage& peer) noexcept {
  Source source;
  if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    std::memcpy(&source.key, &v6.sin6_addr, 8);
    source.v6 = true;
  } else {
    source.key = reinterpret_cast<const sockaddr_in&>(peer).sin_addr.s_addr;
  }
  return source;
}

Admission::Verdict Admission::enter(const Source& source) {
  std::lock_guard lock(mutex_);
  if (open_ >= total_) return Verdict::kFull;
  Count& count = bySource_[source];
  if (count.open >= perAddress_ || count.handshakes >= handshakesPerAddress_) {
    if (count.open == 0) bySource_.erase(source);
    return Verdict::kAddressFull;
  }
  ++count.open;
  ++count.handshakes;
  ++open_;
  return Verdict::kAdmitted;
}

void Admission::settle(const Source& source) {
  std::lock_guard lock(mutex_);
  --bySource_.find(source)->second.handshakes;
}

void Admission::leave(const Source& source, bool settled) {
  std::lock_guard lock(mutex_);
  --open_;
  const auto found = bySource_.find(source);
  if (!settled) --found->second.handshakes;
  if (--found->second.open == 0) bySource_.erase(found);
}

}  // namespace postern
