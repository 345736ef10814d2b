// One tunnel: a TLS channel with CSTP on it, the client's addresses, its clocks and counters. Belongs to one worker's
// thread; only `counters` may be read elsewhere.
#pragma once
#include <algorithm>
#include <array>

#include "cstp.h"
#include "drr.h"
#include "dtls_channel.h"
#include "frame_queue.h"
#include "liveness.h"
#include "path_mtu.h"
#include "shaper.h"
#include "tls_channel.h"
#include "tunnel_counters.h"

namespace postern {

class Tunnel {
 public:
  enum class State : uint8_t {
    kOpen,
    kLingering,  // said goodbye: flushes, discards what comes, until the peer closes or the deadline
    kClosed,     // freed at the end of the round
  };

  // Implementation constants: what a client that does not read may cost, besides FrameQueue::kLimit, TlsOutput::kReceive
  // and the kernel's socket buffer (TCP_NOTSENT_LOWAT). Data stops being encrypted as soon as the socket blocks; answers
  // to the client's own frames stop here, and so does reading from it.
  static constexpr size_t kUnsentLimit = 192 * 1024;
  // Specification constants, RFC 791 and RFC 8200.
  static constexpr uint16_t kLeastMtu = 68, kLeastMtu6 = 1280;

  Tunnel(uint32_t id, const TunnelSpec& spec, int fd, SSL* ssl, TlsOutput& output, uint64_t nowMs);
  ~Tunnel();

  // One control frame; overtakes waiting data. False when the client reads too little: nothing is sent.
  bool control(cstp::Type type, ByteView payload);
  // A frame of one packet: returns where to write header and packet (length = without header). Call send() after it.
  uint8_t* reserve(size_t length);
  // The frame written into reserve(): encrypted now, or left waiting.
  void send(size_t length);
  // Encrypts waiting frames while the socket takes them.
  void pump();
  // Counts what a queue towards the client has lost.
  void lost(const FrameQueue::Losses& losses);
  BufferPool& pool() noexcept { return output_.pool; }
  bool congested() const noexcept { return channel.unsent() > kUnsentLimit; }
  void heard(uint64_t nowMs) noexcept {
    counters.heard(nowMs);
    liveness.heard(static_cast<uint32_t>(nowMs / 1000));
  }

  // Largest inner packet towards the client.
  uint16_t mtu() const noexcept { return static_cast<uint16_t>(std::clamp<size_t>(spec.mtu, kLeastMtu, cstp::kMaxPayload)); }
  // What senders of a family are told: what the path takes. Below 1,280 there is no IPv6 (RFC 8200 section 5).
  uint16_t pathMtu(uint8_t version) const noexcept { return version == 6 ? std::max(path.mtu(), std::min(mtu(), kLeastMtu6)) : path.mtu(); }

  const uint32_t id;
  State state = State::kOpen;
  bool up = false;              // tunnelUp was posted, routes are in
  uint32_t interest = 0;        // what epoll watches
  uint32_t wheelAt = 0;         // second of the valid entry in the wheel; 0 = none
  uint64_t lingerUntilMs = 0;
  uint64_t packetMs = 0;        // of its last packet, either way
  Turn reading;                 // in the worker's line of those with bytes to read
  TunnelSpec spec;
  Liveness liveness;
  uint32_t keysSinceSec;        // our own keys of the TLS channel
  TunnelCounters counters;
  cstp::Framer framer;
  TlsChannel channel;
  // The channel the client speaks over, and one whose handshake is over but on which nothing has been heard: that one
  // takes the other's place with its first record.
  std::unique_ptr<DtlsChannel> dtls, nextDtls;
  // One that has made way: what is still on its way to us is read for a while, nothing is sent.
  std::unique_ptr<DtlsChannel> oldDtls;
  // As agreed at CONNECT, for as long as the tunnel lasts; nullptr: packets go as they are.
  std::unique_ptr<PacketCodec> cstpCodec, dtlsCodec;
  std::unique_ptr<Shapers> shapers;  // nullptr: it never had a rate
  bool overDtls = false;             // where the client spoke last, and so where data goes; only with `dtls`
  // Where the client was last, as in UdpPeer: told when its DTLS comes from elsewhere.
  std::optional<std::array<uint8_t, 16>> address;
  PathMtu path;                      // of its DTLS channel, and of the next one
  uint16_t toldMtu;                  // what the control plane knows of it
  std::array<uint8_t, 32> psk{};     // exporter of the TLS connection (reference protocol section 9.3)

 private:
  // Data queues behind data.
  bool waits() const noexcept { return channel.blocked() || !waiting_.empty(); }
  void encrypt(ByteView frame);
  ByteView compressed(ByteView frame);

  TlsOutput& output_;
  FrameQueue waiting_;
};

}  // namespace postern
