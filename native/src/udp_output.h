// What a worker sends over UDP: records are sealed where they lie, and neighbours of equal length to one peer leave in
// one call (UDP_SEGMENT, reference dataplane section 4). Nothing is queued: what the kernel does not take is lost. The
// worker's thread only.
#pragma once
#include <memory>

#include "dtls_channel.h"
#include "udp_socket.h"

namespace postern {

class UdpOutput {
 public:
  // Implementation constants: what kernels take in one call (reference dataplane section 4).
  static constexpr size_t kMaxSegments = 64;
  static constexpr size_t kMaxBytes = 65507;
  static constexpr uint32_t kMaxRefused = 16;  // refusals in a row that end a channel

  UdpOutput(UdpSockets& sockets, UdpKernel& kernel, StatBlock& stats);

  // Where the payload of the next record goes, `length` bytes. Fill it, then send() it.
  uint8_t* reserve(DtlsChannel& to, size_t length) noexcept;
  // Type byte and payload become a record, which leaves with its neighbours: at the latest at flush().
  // `packet`: length of the inner packet, where that is another.
  void send(DtlsChannel& to, uint8_t type, size_t length, uint32_t nowSec, size_t packet = 0) noexcept;
  void send(DtlsChannel& to, uint8_t type, ByteView payload, uint32_t nowSec) noexcept;
  void flush() noexcept;
  // A datagram that is no record of a channel.
  void single(const UdpPeer& to, ByteView datagram) noexcept;

 private:
  static constexpr size_t kBuffer = 128 * 1024;

  bool follows(const DtlsChannel& to, size_t length) const noexcept;
  void sendRun() noexcept;
  void sendSingly(UdpSocket& socket) noexcept;
  void failed(int code, size_t datagrams, size_t length) noexcept;
  void tooLong(size_t length) noexcept;
  void delivered(size_t datagrams) noexcept;

  UdpSockets& sockets_;
  UdpKernel& kernel_;
  StatBlock& stats_;
  std::unique_ptr<uint8_t[]> buffer_;
  // The open run: records [start_, used_) of channel_.
  DtlsChannel* channel_ = nullptr;
  size_t start_ = 0, used_ = 0;
  size_t segment_ = 0, count_ = 0;
  bool closed_ = false;                // its last record is shorter: nothing may follow
  uint64_t packets_ = 0, payload_ = 0; // data in the run
  uint32_t nowSec_ = 0;
};

}  // namespace postern
