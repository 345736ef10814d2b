// UDP -> workers: receives datagrams, finds their association, opens their records where they lie, and passes on what is
// in them (reference dataplane section 3.2). The worker's thread only, except that other workers push into its inbox.
#pragma once
#include "associations.h"
#include "inbox.h"
#include "roaming.h"
#include "strangers.h"
#include "uplink.h"

namespace postern {

// What another worker's socket received.
struct HandedDatagrams {
  UdpPeer peer;
  size_t segment = 0;
  Bytes bytes;
};
using DatagramInbox = Inbox<HandedDatagrams>;

class Datagrams {
 public:
  // Implementation constants.
  static constexpr size_t kReads = 64;              // of one round, or
  static constexpr size_t kBytes = 512 * 1024;      // so many bytes
  static constexpr size_t kHandOver = 64;           // buffers waiting for another worker: at most 4 MiB
  static constexpr size_t kProbe = 256;             // a DPD request of this size measures the path

  struct Context {
    uint32_t worker;
    DtlsShared* shared;                             // nullptr: no UDP
    UdpKernel& kernel;
    const std::vector<DatagramInbox*>& inboxes;     // of all workers
  };
  Datagrams(const Context& context, UdpSockets& sockets, Associations& associations, Uplink& uplink, UdpOutput& output, StatBlock& stats);

  // One round of the sockets whose bit is set, or of the inbox.
  void read(uint64_t sockets, uint64_t nowMs);
  void readInbox(uint64_t nowMs);
  // Datagrams that were kept until their association was there.
  void feed(DtlsChannel& channel, std::vector<Bytes>&& datagrams, uint64_t nowMs);
  // Serves strangers of this round or of earlier ones.
  void endRound(uint64_t nowMs);
  bool strangersWait() const noexcept { return strangers_.waiting(); }
  // The packets that were passed on have been written: their place is free.
  void release() noexcept;

 private:
  static constexpr size_t kRoom = 65536;

  void arrivals(UdpArrival* all, size_t count, uint64_t nowMs);
  void stranger(const UdpArrival& arrival, uint64_t nowMs);
  bool roamed(const UdpArrival& arrival, uint64_t nowMs);
  void handOver(uint32_t worker, const UdpArrival& arrival);
  void datagrams(DtlsChannel& channel, const UdpArrival& arrival, uint64_t nowMs);
  bool datagram(DtlsChannel& channel, ByteSpan bytes, uint64_t nowMs);
  bool record(DtlsChannel& channel, ByteSpan bytes, uint64_t nowMs);
  void data(DtlsChannel& channel, ByteSpan plain, uint64_t nowMs);

  Context context_;
  UdpSockets& sockets_;
  Associations& associations_;
  Uplink& uplink_;
  UdpOutput& output_;
  StatBlock& stats_;
  Strangers strangers_;
  Roaming roaming_;
  std::unique_ptr<uint8_t[]> arena_;  // datagrams lie here until release()
  size_t used_ = 0;
  std::vector<Bytes> kept_;           // as the arena, but from elsewhere
  std::vector<HandedDatagrams> handed_;
  bool carried_ = false;              // this round had records of associations
};

}  // namespace postern
