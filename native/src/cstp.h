// CSTP framing, reference protocol section 8. Sans I/O: bytes in, frames out.
#pragma once
#include <algorithm>
#include <cstring>

#include "bytes.h"

namespace postern::cstp {

// Specification constants.
inline constexpr size_t kHeader = 8;  // 'S' 'T' 'F' 0x01, length (big endian, without the header), type, 0
inline constexpr uint8_t kMagic[4] = {0x53, 0x54, 0x46, 0x01};
enum Type : uint8_t {
  kData = 0x00, kDpdReq = 0x03, kDpdResp = 0x04, kDisconnect = 0x05, kKeepalive = 0x07, kCompressed = 0x08, kTerminate = 0x09,
};
// Implementation constants.
inline constexpr size_t kMaxPayload = 16384 - kHeader;  // one frame is one TLS record when we send

inline void writeHeader(uint8_t* at, Type type, uint16_t length) noexcept {
  std::memcpy(at, kMagic, 4);
  at[4] = static_cast<uint8_t>(length >> 8);
  at[5] = static_cast<uint8_t>(length);
  at[6] = type;
  at[7] = 0;
}

struct Frame {
  uint8_t type;
  ByteView payload;  // valid until the next feed()
};

// Reassembles frames from any split or merge of the byte stream. Holds at most one partial frame
// (kHeader + kMaxPayload bytes, allocated only while a frame is split) and the one it has just reassembled.
class Framer {
 public:
  enum class Error : uint8_t { kNone, kMagic, kReserved, kLength };
  // Calls sink(Frame) -> bool for each complete frame, in order; a false answer stops and drops the rest.
  // False after a violation (error() says which); the framer is then dead.
  template <typename Sink>
  bool feed(ByteView bytes, Sink&& sink);
  Error error() const noexcept { return error_; }
  size_t buffered() const noexcept { return partial_.size(); }

 private:
  static Error checkHeader(const uint8_t* header) noexcept;
  Bytes partial_;
  Bytes whole_;  // the last reassembled frame, kept until the next feed()
  Error error_ = Error::kNone;
};

}  // namespace postern::cstp
#include "cstp_framer.inl"
