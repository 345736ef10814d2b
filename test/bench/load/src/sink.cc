// `sink`: the far end of flows, behind the gateway. Checks and acknowledges upward flows, sends downward ones when asked.
#include <poll.h>
#include <sys/prctl.h>

#include <csignal>
#include <map>
#include <memory>

#include "commands.h"
#include "fault.h"
#include "flow.h"
#include "gso.h"
#include "json.h"
#include "pace.h"

namespace load {
namespace {

volatile std::sig_atomic_t stopped = 0;

using Key = std::pair<std::string, uint32_t>;
struct Up {
  Endpoint from;
  uint32_t session;
  Tally tally;
  uint64_t unacked = 0;
};
struct Down {
  Endpoint to;
  uint32_t session, size, segments;
  uint64_t count, endNs, sent = 0, endedNs = 0;
  int ends = 0;
  Pace pace;
};

class Sink {
 public:
  explicit Sink(const Options& options) : fault_(options.text("fault")) {
    const auto parts = split(options.text("listen", "::"), '@');
    Endpoint here = endpointOf(parts[0], uint16_t(options.number("port", 7100)));
    socket_ = Socket(::socket(here.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int bytes = 16 << 20;
    for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) setsockopt(socket_.fd(), SOL_SOCKET, option, &bytes, sizeof bytes);
    if (!options.has("no-gso")) mergeOnReceive(socket_.fd());
    if (bind(socket_.fd(), here.raw(), here.length) != 0) throw Failure(systemError("bind"));
    gso_ = !options.has("no-gso");
  }
  void serve() {
    while (!stopped) {
      const bool sends = !downs_.empty(), owes = owes_;
      pollfd wait{socket_.fd(), POLLIN, 0};
      timespec pause{0, sends ? 200'000 : owes ? 1'000'000 : 100'000'000};
      const int ready = ppoll(&wait, 1, &pause, nullptr);
      bool more = ready > 0;
      for (int round = 0; more && round < 16; ++round) more = receive();
      if (ready == 0 && owes_) acknowledgeAll();
      for (auto& [key, down] : downs_) send(down);
      std::erase_if(downs_, [](const auto& each) { return each.second.ends >= 20; });
    }
  }
  Json result() const {
    return Json().add("ok", corrupt_ == 0).add("packets", packets_).add("reads", reads_).add("corrupt", corrupt_).add("unknown", unknown_);
  }

 private:
  static Key keyOf(const Endpoint& from, uint32_t session) { return {std::string(reinterpret_cast<const char*>(&from.address), from.length), session}; }

  bool receive() {
    Received got;
    if (!receiveSegments(socket_.fd(), buffer_, sizeof buffer_, got)) return false;
    ++reads_;
    for (size_t at = 0; at < got.length; at += got.segment) take(got.from, View(buffer_ + at, std::min(got.segment, got.length - at)));
    return true;
  }

  void take(const Endpoint& from, View payload) {
    const uint32_t kind = payload.size() >= kFlowEndSize ? get32(&payload[0]) : 0;
    ++packets_;
    if (kind == kFlowData && payload.size() >= kFlowHeader) {
      const uint32_t session = get32(&payload[4]);
      if (lastUp_ == nullptr || lastUp_->session != session || std::memcmp(&lastUp_->from.address, &from.address, from.length) != 0) {
        auto [found, fresh] = ups_.try_emplace(keyOf(from, session));
        lastUp_ = &found->second;
        if (fresh) lastUp_->from = from, lastUp_->session = session;
      }
      if (!lastUp_->tally.take(payload)) ++corrupt_;
      owes_ = true;
      if (++lastUp_->unacked >= 32) acknowledge(*lastUp_);
    } else if (kind == kFlowEcho) {
      ::sendto(socket_.fd(), payload.data(), payload.size(), 0, from.raw(), from.length);
    } else if (kind == kFlowEnd) {
      // The client asks for the account of its upward flow.
      if (const auto found = ups_.find(keyOf(from, get32(&payload[4]))); found != ups_.end()) acknowledge(found->second);
    } else if (kind == kFlowAsk && payload.size() >= kFlowAskSize) {
      const uint32_t session = get32(&payload[4]);
      downs_.try_emplace(keyOf(from, session), Down{from, session, get32(&payload[8]), get32(&payload[12]), get64(&payload[20]),
                                                    nowNs() + get64(&payload[36]) * 1'000'000, 0, 0, 0,
                                                    Pace(get32(&payload[16]), double(get64(&payload[28])))})
          .first->second.pace.begin(nowNs());
    } else if (kind == kFlowAck && payload.size() >= kFlowAckSize) {
      const auto found = downs_.find(keyOf(from, get32(&payload[4])));
      const TallyReport report = readAck(payload.data());
      if (found != downs_.end()) found->second.pace.acknowledge(report.highest, report.count, nowNs());
      if (found != downs_.end() && found->second.ends > 0) found->second.ends = 20;
    } else {
      ++unknown_;
    }
  }

  void acknowledge(Up& up) {
    uint8_t payload[kFlowAckSize];
    writeAck(payload, up.session, up.tally);
    ::sendto(socket_.fd(), payload, sizeof payload, 0, up.from.raw(), up.from.length);
    up.unacked = 0;
  }
  void acknowledgeAll() {
    for (auto& [key, up] : ups_)
      if (up.unacked > 0) acknowledge(up);
    owes_ = false;
  }

  void send(Down& down) {
    const uint64_t now = nowNs();
    if (down.sent >= down.count || now >= down.endNs) {
      // All is sent; the last word is repeated until the client has answered, or does not.
      if (now - down.endedNs < 100'000'000) return;
      down.endedNs = now;
      ++down.ends;
      uint8_t payload[kFlowEndSize];
      put32(payload, kFlowEnd);
      put32(payload + 4, down.session);
      put64(payload + 8, down.sent);
      ::sendto(socket_.fd(), payload, sizeof payload, 0, down.to.raw(), down.to.length);
      return;
    }
    uint64_t room = std::min(down.pace.room(down.sent, now), down.count - down.sent);
    while (room > 0) {
      const size_t parts = std::min<size_t>({size_t(room), gso_ ? down.segments : 1, kMaxSegments, kMaxDatagram / down.size});
      for (size_t i = 0; i < parts; ++i) writeFlow(out_ + i * down.size, down.size, kFlowData, down.session, down.sent + i, now);
      if (!fault_.none()) {
        for (size_t i = 0; i < parts; ++i)
          fault_.pass(View(out_ + i * down.size, down.size), [&](View bytes) { ::sendto(socket_.fd(), bytes.data(), bytes.size(), 0, down.to.raw(), down.to.length); });
      } else if (!sendSegments(socket_.fd(), out_, parts * down.size, down.size, &down.to)) {
        return;
      }
      down.sent += parts;
      room -= parts;
    }
    down.endedNs = now;
  }

  Fault fault_;
  Socket socket_;
  bool gso_ = true, owes_ = false;
  std::map<Key, Up> ups_;
  std::map<Key, Down> downs_;
  Up* lastUp_ = nullptr;
  uint64_t packets_ = 0, reads_ = 0, corrupt_ = 0, unknown_ = 0;
  uint8_t buffer_[65536], out_[65536];
};

}  // namespace

int runSink(const Options& options) {
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  auto sink = std::make_unique<Sink>(options);
  for (const int signal : {SIGTERM, SIGINT}) {
    struct sigaction action {};
    action.sa_handler = [](int) { stopped = 1; };
    sigaction(signal, &action, nullptr);
  }
  Json().add("ok", true).add("listening", options.number("port", 7100)).print();
  sink->serve();
  sink->result().print();
  return 0;
}

}  // namespace load
