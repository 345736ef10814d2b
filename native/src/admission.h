// How many connections may be open before login: in total, and from one source address, of which only a part may still be
// in its handshake. Shared by the front threads. Who is over the share of its source may wait (waiting_room.h).
#pragma once
#include <sys/socket.h>

#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace postern {

class Admission {
 public:
  enum class Verdict : uint8_t { kAdmitted, kFull, kAddressFull };
  // An IPv4 address, or the /64 of an IPv6 address.
  struct Source {
    uint64_t key = 0;
    bool v6 = false;
    bool operator==(const Source&) const = default;
  };
  struct Hash {
    size_t operator()(const Source& source) const noexcept { return source.key * 0x9e3779b97f4a7c15u + source.v6; }
  };
  Admission(uint32_t total, uint32_t perAddress, uint32_t handshakesPerAddress)
      : total_(total), perAddress_(perAddress), handshakesPerAddress_(handshakesPerAddress) {}
  static Source sourceOf(const sockaddr_storage& peer) noexcept;
  // Each kAdmitted begins a handshake and is paid back by one leave().
  Verdict enter(const Source& source);
  // The handshake is done. At most once for each enter().
  void settle(const Source& source);
  void leave(const Source& source, bool settled);

 private:
  struct Count {
    uint32_t open = 0, handshakes = 0;
  };
  const uint32_t total_, perAddress_, handshakesPerAddress_;
  std::mutex mutex_;
  uint32_t open_ = 0;
  std::unordered_map<Source, Count, Hash> bySource_;
};

}  // namespace postern
