// Many sessions at once: opened by several threads that may block, then served by one thread that never does.
#pragma once
#include <atomic>
#include <map>
#include <mutex>

#include "flow.h"
#include "pace.h"
#include "session.h"

namespace load {

struct Client {
  std::unique_ptr<Session> session;
  uint64_t heardNs = 0, probedNs = 0, answeredNs = 0;  // answered: a DPD over DTLS
  int probes = 0;
  bool tlsOpen = true, dtlsOpen = false;
  // Upward flow.
  std::unique_ptr<Pace> pace;
  uint64_t sent = 0, ends = 0, endedNs = 0;
  TallyReport acked;
  bool accounted = false;
  // Downward flow.
  Tally down;
  uint64_t unacked = 0, downTotal = 0, askedNs = 0;
  bool downDone = false;
};

struct CrowdCounts {
  uint64_t reads = 0, datagrams = 0, packets = 0, damaged = 0, corrupt = 0, foreign = 0;
  uint64_t probesAnswered = 0, tlsProbesAnswered = 0, tlsKeepalives = 0, probesSent = 0, answersHeard = 0, keepalives = 0, unanswered = 0;
  uint64_t tlsPackets = 0, tlsClosed = 0, dtlsClosed = 0, disconnects = 0, sendFailures = 0, segmentsSent = 0, sends = 0;
};

// What a session does with what comes; the flows implement it.
class Crowd {
 public:
  explicit Crowd(const Options& options, const Plan& plan);
  virtual ~Crowd();

  // Opens sessions [0, count) on `threads` threads; serves those already open meanwhile. Errors by their text.
  std::map<std::string, int> open(int count, int threads);
  // One round: what came, what is due; waits at most `ms`.
  void serve(int ms);
  // Sessions that live: each answers a DPD over the channel it should have, within that time.
  size_t rollCall(int seconds);
  // BYE for all.
  void close();

  std::vector<std::unique_ptr<Client>> clients;
  CrowdCounts counts;
  Json describe() const;

 protected:
  // An inner packet, checked for damage.
  virtual void packet(Client& client, const Parsed& packet) = 0;
  // The answer to a DPD probe, with its padding.
  virtual void answer(Client&, View) {}
  // After what came was read.
  virtual void round() {}
  void sendData(Client& client, View packet);
  void sendProbe(Client& client, View padding) { client.session->send(client.dtlsOpen, kDpdOut, padding); }
  // Records of equal length around what `write` puts there, in as few system calls as may be.
  template <typename Write>
  size_t sendBatch(Client& client, size_t count, size_t packetLength, Write write) {
    Association& channel = *client.session->dtls;
    const size_t prefix = channel.writer().prefix(), segment = packetLength + 1 + channel.writer().overhead();
    const size_t most = gso_ ? std::min<size_t>(segments_, 65507 / segment) : 1;
    size_t done = 0;
    while (done < count) {
      const size_t parts = std::min(most, count - done);
      for (size_t i = 0; i < parts; ++i) {
        uint8_t* const record = out_.data() + i * segment;
        record[prefix] = kData;
        write(record + prefix + 1, done + i);
        channel.seal(record, kApplicationData, packetLength + 1);
      }
      if (!flushBatch(channel, parts * segment, segment)) break;
      done += parts;
    }
    return done;
  }

 private:
  void adopt();
  void readDtls(Client& client);
  void readTls(Client& client);
  void frame(Client& client, bool dtls, uint8_t type, View payload);
  void probe(uint64_t now);
  bool flushBatch(Association& channel, size_t length, size_t segment);

  const Plan& plan_;
  bool gso_, gro_;
  size_t segments_;
  double dpdSec_;
  int epoll_, wake_;
  uint64_t probedAt_ = 0;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> opened_;
  Bytes in_, out_;
};

}  // namespace load
