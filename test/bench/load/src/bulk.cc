// `up`, `down`, `hold`, `echo`: flows through many tunnels, checked at both ends.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "commands.h"
#include "crowd.h"
#include "fault.h"

namespace load {
namespace {

volatile std::sig_atomic_t stopped = 0;

constexpr uint16_t kFlowPort = 7099;  // the clients' inner port

enum class Way : uint8_t { kNone, kUp, kDown, kEcho, kProbe };

class Flows : public Crowd {
 public:
  Flows(const Options& options, const Plan& plan, Way way)
      : Crowd(options, plan),
        way_(way),
        target_(way == Way::kNone || way == Way::kProbe ? Address::parse("0.0.0.0") : Address::parse(options.text("target"))),
        port_(uint16_t(options.number("target-port", 7100))),
        size_(size_t(options.number("size", 0))),
        count_(uint64_t(options.number("count", 1e15))),
        window_(uint64_t(options.number("window", 512))),
        segments_(uint64_t(options.number("segments", 44))),
        rate_(options.number("rate", 0)),
        fault_(options.text("fault")),
        forge_(options.number("forge", 0)) {}

  // Flows of the first `active` clients, for that long or that many packets each.
  void run(int active, double seconds) {
    const uint64_t start = nowNs(), end = start + uint64_t(seconds * 1e9);
    std::vector<Client*> moving;
    for (const auto& client : clients) {
      if (moving.size() == size_t(active)) break;
      client->pace = std::make_unique<Pace>(window_, rate_, double(moving.size()) / active);
      client->pace->begin(start);
      moving.push_back(client.get());
    }
    moving_ = moving;
    endNs_ = end;
    while (!finished_ && !stopped) serve(way_ == Way::kUp && !waits_ ? 0 : 1);
    elapsed_ = double(lastNs_ - start) / 1e9;
  }

  Json result(int failures) {
    uint64_t sent = 0, received = 0, corrupt = counts.corrupt, duplicates = 0, reordered = 0, stalls = 0, bytes = 0;
    bool whole = true;
    for (Client* client : moving_) {
      if (way_ == Way::kUp) {
        sent += client->sent;
        received += client->acked.count, corrupt += client->acked.corrupt;
        duplicates += client->acked.duplicates, reordered += client->acked.reordered, bytes += client->acked.bytes;
        whole = whole && client->accounted;
        stalls += client->pace->stalls;
      } else {
        sent += way_ == Way::kDown ? client->downTotal : client->sent;
        received += client->down.seen.count(), corrupt += client->down.corrupt;
        duplicates += client->down.seen.duplicates(), reordered += client->down.seen.reordered(), bytes += client->down.bytes;
        whole = whole && (echoes() || client->downDone);
      }
    }
    // Headers of the inner packets count: the tunnel carries them.
    const uint64_t inner = bytes + received * (8 + (target_.length == 4 ? 20 : 40));
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const bool clean = corrupt == 0 && counts.damaged == 0 && duplicates == 0;
    Json json;
    json.add("ok", failures == 0 && clean && whole && received > 0).add("accounted", whole);
    json.add("sent", sent).add("received", received).add("loss", sent > received ? double(sent - received) / double(sent) : 0.0);
    json.add("forgeriesSent", forged_).add("corrupt", corrupt).add("duplicates", duplicates).add("reordered", reordered).add("stalls", stalls);
    json.add("bytes", inner).add("seconds", elapsed_).add("mbit", double(inner) * 8 / elapsed_ / 1e6).add("packetsPerSec", double(received) / elapsed_);
    json.add("cpuSec", double(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    json.add("crowd", describe());
    if (echoes()) json.add("rttUs", roundTrips());
    return json;
  }

 private:
  bool echoes() const { return way_ == Way::kEcho || way_ == Way::kProbe; }
  size_t payloadOf(const Client& client) const {
    const size_t packet = size_ > 0 ? size_ : size_t(client.session->grant.mtu);
    return packet - ipHeader(target_.length) - 8;
  }
  // One run must not continue the numbers of another that had the same address.
  uint32_t flowOf(const Client& client) const { return run_ << 16 | uint32_t(client.session->number & 0xffff); }
  const Address& own(const Client& client) const { return target_.length == 4 ? client.session->ipv4 : client.session->ipv6; }

  // Writes the packet in place: IP and UDP around a payload that is written first.
  void writePacket(uint8_t* packet, const Client& client, size_t payload, uint32_t kind, uint64_t number, uint64_t now) const {
    const size_t header = ipHeader(target_.length);
    uint8_t* const udp = packet + header;
    writeFlow(udp + 8, payload, kind, flowOf(client), number, now);
    if (fault_.flips(number)) udp[8 + payload - 1] ^= 4;
    writeIp(packet, own(client), target_, kProtocolUdp, payload + 8);
    put16(udp, kFlowPort), put16(udp + 2, port_), put16(udp + 4, payload + 8), put16(udp + 6, 0);
    const uint16_t sum = foldedComplement(sumOf(View(udp, payload + 8), pseudoSum(own(client), target_, kProtocolUdp, payload + 8)));
    put16(udp + 6, sum == 0 ? 0xffff : sum);
  }
  void sendPayload(Client& client, View payload) { sendData(client, udpPacket(own(client), target_, kFlowPort, port_, payload)); }

  void packet(Client& client, const Parsed& packet) override {
    if (packet.protocol != kProtocolUdp || packet.payload.size() < 8 + kFlowEndSize || get16(&packet.payload[2]) != kFlowPort) return;
    const View payload = packet.payload.subspan(8);
    const uint32_t kind = get32(&payload[0]);
    if (get32(&payload[4]) != flowOf(client)) {
      ++counts.corrupt;
      return;
    }
    if (kind == kFlowAck && payload.size() >= kFlowAckSize) {
      const TallyReport report = readAck(payload.data());
      if (client.pace) client.pace->acknowledge(report.highest, report.count, nowNs());
      if (report.count >= client.acked.count) client.acked = report;
      if (client.ends > 0) client.accounted = true;
    } else if (kind == kFlowData && payload.size() >= kFlowHeader) {
      client.down.take(payload);
      if (client.unacked++ == 0) owing_.push_back(&client);
      if (client.unacked >= 32) acknowledge(client);
    } else if (kind == kFlowEcho && payload.size() >= kFlowHeader) {
      if (client.down.take(payload)) trips_.push_back(uint32_t((nowNs() - get64(&payload[16])) / 1000));
    } else if (kind == kFlowEnd) {
      client.downTotal = get64(&payload[8]);
      client.downDone = true;
      acknowledge(client);
    }
  }

  void answer(Client& client, View payload) override {
    if (way_ != Way::kProbe || payload.size() < kFlowHeader || get32(&payload[0]) != kFlowEcho || get32(&payload[4]) != flowOf(client)) return;
    if (client.down.take(payload)) trips_.push_back(uint32_t((nowNs() - get64(&payload[16])) / 1000));
  }

  void acknowledge(Client& client) {
    uint8_t payload[kFlowAckSize];
    writeAck(payload, flowOf(client), client.down);
    sendPayload(client, payload);
    client.unacked = 0;
  }

  void round() override {
    const uint64_t now = nowNs();
    for (Client* client : owing_)
      if (client->unacked > 0) acknowledge(*client);
    owing_.clear();
    if (moving_.empty()) return;
    bool all = true;
    waits_ = true;
    if (forge_ > 0) forge(now);
    for (Client* client : moving_) {
      if (way_ == Way::kDown) all = receive(*client, now) && all;
      else all = send(*client, now) && all;
    }
    finished_ = all;
  }

  // Records with wrong tags from the sessions' own ports, beside what is true: far ahead, so that none is merely old.
  void forge(uint64_t now) {
    if (forgedSince_ == 0) forgedSince_ = now;
    const uint64_t due = uint64_t(forge_ * double(now - forgedSince_) / 1e9);
    uint8_t datagram[1300];
    for (int burst = 0; forged_ < due && burst < 64; ++burst, ++forged_) {
      Client& client = *moving_[forged_ % moving_.size()];
      if (!client.dtlsOpen) continue;
      std::memcpy(datagram, flowContent(1, forged_), sizeof datagram);
      datagram[0] = kApplicationData;
      put16(datagram + 1, 0xfefd), put16(datagram + 3, 1);
      put48(datagram + 5, client.session->dtls->sequence + 1000 + forged_), put16(datagram + 11, sizeof datagram - kRecordHeader);
      client.session->dtls->sendRaw(View(datagram, sizeof datagram));
    }
  }

  // True when nothing is left to do for this client.
  bool send(Client& client, uint64_t now) {
    if (client.sent < count_ && now < endNs_ && client.tlsOpen) {
      lastNs_ = now;
      uint64_t room = std::min(client.pace->room(client.sent, now), count_ - client.sent);
      if (way_ == Way::kUp && rate_ == 0 && room < std::min<uint64_t>(segments_, uint64_t(client.pace->window()) / 2)) room = 0;
      if (room == 0) return false;
      const size_t payload = payloadOf(client);
      const uint64_t first = client.sent;
      if (way_ == Way::kProbe) {
        for (; room > 0; --room) {
          Bytes padding(payload);
          writeFlow(padding.data(), payload, kFlowEcho, flowOf(client), client.sent++, nowNs());
          sendProbe(client, padding);
        }
        return false;
      }
      if (!client.dtlsOpen) {
        Bytes whole(ipHeader(target_.length) + 8 + payload);
        writePacket(whole.data(), client, payload, way_ == Way::kEcho ? kFlowEcho : kFlowData, client.sent++, now);
        sendData(client, whole);
        waits_ = false;
        return false;
      }
      client.sent += sendBatch(client, std::min<uint64_t>(room, 4 * segments_), ipHeader(target_.length) + 8 + payload, [&](uint8_t* to, size_t i) {
        writePacket(to, client, payload, way_ == Way::kEcho ? kFlowEcho : kFlowData, first + i, now);
      });
      waits_ = false;
      return false;
    }
    if (echoes()) return now > std::min(endNs_, lastNs_) + 300'000'000;
    if (client.accounted && client.acked.count >= client.sent) return true;
    // Everything is under way; ask for the account until it is complete, or does not change any more.
    if (now - client.endedNs > 50'000'000) {
      if (client.ends++ > 20) return true;
      client.endedNs = now;
      uint8_t payload[kFlowEndSize];
      put32(payload, kFlowEnd), put32(payload + 4, flowOf(client)), put64(payload + 8, client.sent);
      sendPayload(client, payload);
    }
    return false;
  }

  bool receive(Client& client, uint64_t now) {
    if (client.downDone || !client.tlsOpen) return true;
    if (client.down.seen.count() > 0) lastNs_ = now;
    else if (now - client.askedNs > 500'000'000) {
      client.askedNs = now;
      uint8_t payload[kFlowAskSize];
      put32(payload, kFlowAsk), put32(payload + 4, flowOf(client)), put32(payload + 8, payloadOf(client));
      put32(payload + 12, segments_), put32(payload + 16, window_), put64(payload + 20, count_), put64(payload + 28, uint64_t(rate_));
      put64(payload + 36, (endNs_ - std::min(endNs_, now)) / 1'000'000);
      sendPayload(client, payload);
    }
    return now > endNs_ + 3'000'000'000;
  }

  Json roundTrips() {
    std::sort(trips_.begin(), trips_.end());
    const auto at = [&](double part) { return trips_.empty() ? 0u : trips_[size_t(part * double(trips_.size() - 1))]; };
    return Json().add("p50", at(.5)).add("p90", at(.9)).add("p99", at(.99)).add("p999", at(.999)).add("max", at(1)).add("count", trips_.size());
  }

  Way way_;
  Address target_;
  uint16_t port_;
  size_t size_;
  uint64_t count_, window_, segments_;
  double rate_, elapsed_ = 0;
  uint64_t forged_ = 0, forgedSince_ = 0;
  Fault fault_;
  double forge_;
  const uint32_t run_ = uint32_t(nowNs() / 1000) & 0xffff;
  std::vector<Client*> moving_, owing_;
  std::vector<uint32_t> trips_;
  uint64_t endNs_ = 0, lastNs_ = 0;
  bool finished_ = false, waits_ = false;
};

int runFlows(const Options& options, Way way) {
  std::signal(SIGTERM, [](int) { stopped = 1; });
  std::signal(SIGINT, [](int) { stopped = 1; });
  Plan plan(options);
  plan.socketBuffer = 4 << 20;
  const int sessions = int(options.number("sessions", 1));
  if (sessions > 256) plan.socketBuffer = 0;
  Flows flows(options, plan, way);
  const uint64_t started = nowNs();
  const auto errors = flows.open(sessions, int(options.number("threads", std::min(sessions, 16))));
  const double opening = double(nowNs() - started) / 1e9;
  Json failed;
  int failures = 0;
  for (const auto& [text, count] : errors) failed.add(text, count), failures += count;
  const Json first = flows.clients.empty() ? Json() : flows.clients[0]->session->describe();
  const auto opened = [&](Json& json) { json.add("sessions", flows.clients.size()).add("openSec", opening).add("errors", failed).add("session", first); };
  const double seconds = options.number("seconds", 3);
  Json result;
  if (way == Way::kNone) {
    // What starts it wants to know when all are there.
    Json ready;
    ready.add("ready", true);
    opened(ready);
    ready.print();
    for (const uint64_t end = nowNs() + uint64_t(seconds * 1e9); nowNs() < end && !stopped;) flows.serve(100);
    const Json during = flows.describe();
    const size_t alive = flows.rollCall(5);
    result.add("ok", failures == 0 && alive == size_t(sessions) && flows.counts.unanswered == 0 && flows.counts.damaged == 0).add("alive", alive).add("crowd", during);
  } else {
    if (const double settle = options.number("settle", 0); settle > 0) {
      Json ready;
      ready.add("ready", true);
      opened(ready);
      ready.print();
      for (const uint64_t end = nowNs() + uint64_t(settle * 1e9); nowNs() < end && !stopped;) flows.serve(100);
    }
    flows.run(int(options.number("active", sessions)), seconds);
    result = flows.result(failures);
  }
  opened(result);
  if (!options.has("keep")) flows.close();
  result.print();
  return result.text().rfind("{\"ok\":true", 0) == 0 ? 0 : 1;
}

}  // namespace

int runUp(const Options& options) { return runFlows(options, Way::kUp); }
int runDown(const Options& options) { return runFlows(options, Way::kDown); }
int runEcho(const Options& options) { return runFlows(options, Way::kEcho); }
int runProbe(const Options& options) { return runFlows(options, Way::kProbe); }
int runHold(const Options& options) { return runFlows(options, Way::kNone); }

}  // namespace load
