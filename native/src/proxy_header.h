// PROXY protocol, versions 1 and 2: what a proxy says of the connection that it passes on, in front of its first byte
// (haproxy's doc/proxy-protocol.txt, 2020-03-05). Bytes in, the client's address out; knows no socket.
#pragma once
#include <sys/socket.h>

#include <optional>

#include "bytes.h"

namespace postern {

class ProxyHeader {
 public:
  enum class State : uint8_t { kPartial, kDone, kBad };
  // A header of version 1 with its line end has at most 107; of version 2 what addresses and what proxies add to them need.
  static constexpr size_t kMaxLine = 107;
  static constexpr size_t kMaxBlock = 2048;

  // Takes of `bytes` what belongs to the header, and says how many that are. What lies behind the header is the connection's.
  size_t take(ByteView bytes);
  State state() const noexcept { return state_; }
  // The client, when done; none when the proxy speaks for itself (LOCAL) or does not know (UNKNOWN, a unix socket).
  const std::optional<sockaddr_storage>& client() const noexcept { return client_; }

 private:
  // How many more bytes are the header's for sure; 0 when it is done or bad.
  size_t wanted() const noexcept;
  void look();
  void readLine();
  void readBlock();

  State state_ = State::kPartial;
  Bytes bytes_;
  std::optional<sockaddr_storage> client_;
};

}  // namespace postern
