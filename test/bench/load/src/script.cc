#include "script.h"

#include <openssl/rand.h>
#include <poll.h>

#include <chrono>

namespace load {
namespace {

using Clock = std::chrono::steady_clock;
int leftMs(Clock::time_point end) { return int(std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count()); }

}  // namespace

Script::Script(Session& session, const Options& options)
    : session_(session), target_(options.text("target")), replyMs_(int(options.number("interval", 1) * 1000)), id_(uint16_t(::getpid())) {
  session_.tls->unblock();
}

void Script::take(bool dtls, uint8_t type, View payload) {
  if (type == kDpdOut) {
    // Like openconnect: a bare answer.
    session_.send(dtls, kDpdResp, {});
  }
  inbox_.push_back({dtls, type, Bytes(payload.begin(), payload.end())});
}

void Script::readDtls() {
  uint8_t datagram[65536];
  for (;;) {
    if (!session_.dtls) return;
    const long n = ::recv(session_.dtls->fd(), datagram, sizeof datagram, MSG_DONTWAIT);
    if (n < 0) return;
    uint8_t* at = datagram;
    size_t length = size_t(n);
    while (length > 0) {
      View plain;
      const auto opened = session_.dtls->open(at, length, plain);
      if (opened == Association::Opened::kClosed) dtlsClosed_ = true;
      if (opened == Association::Opened::kData && !plain.empty()) take(true, plain[0], plain.subspan(1));
    }
  }
}

void Script::readTls() {
  for (uint8_t type = 0; !tlsClosed_;) {
    View payload;
    const auto read = session_.tls->read(type, payload);
    if (read == TlsClient::Read::kNothing) return;
    if (read == TlsClient::Read::kClosed) tlsClosed_ = true;
    else take(false, type, payload);
  }
}

std::optional<Script::Event> Script::await(int ms, const std::function<bool(const Event&)>& wanted) {
  const auto end = Clock::now() + std::chrono::milliseconds(ms);
  for (;;) {
    for (auto event = inbox_.begin(); event != inbox_.end(); ++event)
      if (wanted(*event)) {
        Event found = std::move(*event);
        inbox_.erase(event);
        return found;
      }
    const int left = leftMs(end);
    if (left <= 0 || (tlsClosed_ && !session_.dtls)) return std::nullopt;
    pollfd wait[2] = {{tlsClosed_ ? -1 : session_.tls->fd(), POLLIN, 0}, {session_.dtls ? session_.dtls->fd() : -1, POLLIN, 0}};
    if (tlsClosed_ || !session_.tls->waits(0)) poll(wait, 2, left);
    readTls();
    readDtls();
  }
}

Bytes Script::echoRequest(uint16_t sequence, const std::string& target) {
  if (target.empty()) throw Failure("--target is missing");
  const Address to = Address::parse(target);
  uint8_t payload[56];
  for (size_t i = 0; i < sizeof payload; ++i) payload[i] = uint8_t(sequence + i);
  return icmpEcho(to.length == 4 ? session_.ipv4 : session_.ipv6, to, id_, sequence, payload);
}

std::optional<uint16_t> Script::echoReply(const Event& event) const {
  if (event.type != kData) return std::nullopt;
  const auto packet = parsePacket(event.payload);
  if (!packet) return std::nullopt;
  const bool reply = (packet->protocol == kProtocolIcmp && packet->payload[0] == 0) || (packet->protocol == kProtocolIcmp6 && packet->payload[0] == 129);
  if (!reply || get16(&packet->payload[4]) != id_) return std::nullopt;
  const uint16_t sequence = uint16_t(get16(&packet->payload[6]));
  for (size_t i = 8; i < packet->payload.size(); ++i)
    if (packet->payload[i] != uint8_t(sequence + i - 8)) return std::nullopt;
  return sequence;
}

int Script::repliesWithin(int ms, int enough) {
  int replies = 0;
  const auto end = Clock::now() + std::chrono::milliseconds(ms);
  while (replies < enough && await(leftMs(end), [&](const Event& event) { return echoReply(event).has_value(); })) ++replies;
  return replies;
}

Bytes Script::dataRecord(View packet) {
  if (!session_.dtls) throw Failure("there is no DTLS channel");
  Bytes plain = {kData};
  plain.insert(plain.end(), packet.begin(), packet.end());
  return session_.dtls->record(kApplicationData, plain);
}

Script::Report Script::ping(const std::string& argument, bool dtls) {
  const auto parts = split(argument, '@');
  const int count = parts[0].empty() ? 1 : int(toNumber(parts[0]));
  const std::string target = parts.size() > 1 ? parts[1] : target_;
  int received = 0, overDtls = 0;
  double total = 0;
  for (int i = 0; i < count; ++i) {
    const uint16_t sequence = next_++;
    const auto sent = Clock::now();
    session_.send(dtls, kData, echoRequest(sequence, target));
    const auto reply = await(replyMs_, [&](const Event& event) { return echoReply(event) == sequence; });
    if (!reply) continue;
    ++received;
    overDtls += reply->dtls;
    total += std::chrono::duration<double, std::milli>(Clock::now() - sent).count();
  }
  Report report{received == count, {}};
  report.json.add("sent", count).add("received", received).add("overDtls", overDtls).add("overTls", received - overDtls).add("rttMs", total / received);
  return report;
}

Script::Report Script::dpd(const std::string& argument, bool dtls) {
  Bytes padding(argument.empty() ? 0 : size_t(toNumber(argument)));
  if (padding.size() >= 4) RAND_bytes(padding.data(), 4);
  session_.send(dtls, kDpdOut, padding);
  const auto answer = await(replyMs_, [&](const Event& event) { return event.dtls == dtls && event.type == kDpdResp; });
  Report report{answer && answer->payload == padding, {}};
  report.json.add("sent", padding.size()).add("answered", answer.has_value()).add("received", answer ? answer->payload.size() : 0);
  return report;
}

// Records that are all right but for their tag, far ahead: they must neither be taken nor move the window.
Script::Report Script::forge(int count) {
  Association& channel = *session_.dtls;
  const uint64_t before = channel.sequence;
  Bytes record = dataRecord(echoRequest(next_++, target_));
  channel.sequence = before;
  record.back() ^= 1;
  int sent = 0;
  for (int i = 0; i < count; ++i) {
    put48(record.data() + 5, before + 5000 + uint64_t(i));
    sent += channel.sendRaw(record);
  }
  const int answers = repliesWithin(300, 1);
  Report report{answers == 0, {}};
  report.json.add("sent", sent).add("answers", answers);
  return report;
}

Script::Report Script::replay(int count) {
  const Bytes record = dataRecord(echoRequest(next_++, target_));
  session_.dtls->sendRaw(record);
  const int first = repliesWithin(replyMs_, 1);
  for (int i = 0; i < count; ++i) session_.dtls->sendRaw(record);
  const int more = repliesWithin(300, 1);
  Report report{first == 1 && more == 0, {}};
  report.json.add("sent", count).add("answers", more);
  return report;
}

// A record that arrives behind one `distance` numbers ahead of it.
Script::Report Script::stale(uint64_t distance) {
  const Bytes late = dataRecord(echoRequest(next_++, target_));
  session_.dtls->sequence += distance - 1;
  session_.dtls->sendRaw(dataRecord(echoRequest(next_++, target_)));
  const int first = repliesWithin(replyMs_, 1);
  session_.dtls->sendRaw(late);
  const int second = repliesWithin(300, 1);
  Report report{first == 1 && second == 1, {}};
  report.json.add("distance", distance).add("first", first == 1).add("late", second == 1);
  return report;
}

Script::Report Script::odd(const std::string& kind) {
  Association& channel = *session_.dtls;
  const Bytes packet = echoRequest(next_++, target_);
  Bytes plain = {kData};
  plain.insert(plain.end(), packet.begin(), packet.end());
  int wanted = 0;
  const auto sealed = [&](uint8_t type, View text) { return channel.record(type, text); };
  if (kind == "empty") channel.sendRaw({});
  else if (kind == "short") channel.sendRaw(Bytes{23, 0xfe, 0xfd, 0, 1});
  else if (kind == "zero-length") channel.sendRaw(Bytes{23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 255, 255, 0, 0});
  else if (kind == "oversize") {
    Bytes record = dataRecord(packet);
    put16(&record[11], 0xffff);
    channel.sendRaw(record);
  } else if (kind == "huge") {
    Bytes record(60'000, 0x55);
    const Bytes head = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 1, 0, 0};
    std::copy(head.begin(), head.end(), record.begin());
    put16(&record[11], record.size() - kRecordHeader);
    channel.sendRaw(record);
  } else if (kind == "epoch2" || kind == "epoch0") {
    channel.writer().epoch = kind == "epoch2" ? 2 : 0;
    const Bytes record = dataRecord(packet);
    channel.writer().epoch = 1;
    channel.sendRaw(record);
  } else if (kind == "version") {
    Bytes record = dataRecord(packet);
    put16(&record[1], 0xfeff);
    channel.sendRaw(record);
  } else if (kind == "content-type") channel.sendRaw(sealed(99, plain));
  else if (kind == "no-plaintext") channel.sendRaw(sealed(kApplicationData, {}));
  else if (kind == "type") channel.sendRaw(sealed(kApplicationData, Bytes{0x55, 1, 2, 3}));
  else if (kind == "disconnect") channel.sendRaw(sealed(kApplicationData, Bytes{kDisconnect, 0xb0}));
  else if (kind == "not-ip") channel.sendRaw(sealed(kApplicationData, Bytes{kData, 0xff, 1, 2, 3}));
  else if (kind == "handshake") channel.sendRaw(sealed(kHandshake, Bytes(12)));
  else if (kind == "two" || kind == "trailing") {
    Bytes both = dataRecord(packet);
    wanted = 1;
    if (kind == "two") {
      const Bytes second = dataRecord(echoRequest(next_++, target_));
      both.insert(both.end(), second.begin(), second.end());
      wanted = 2;
    } else {
      both.insert(both.end(), {23, 0xfe, 0xfd, 0, 1, 9, 9});
    }
    channel.sendRaw(both);
  } else {
    throw Failure("no such odd record: " + kind);
  }
  const int answers = repliesWithin(wanted > 0 ? replyMs_ : 300, wanted > 0 ? wanted : 1);
  Report report{answers == wanted, {}};
  report.json.add("answers", answers);
  return report;
}

Script::Report Script::spoof() {
  const Address target = Address::parse(target_);
  Address foreign = target.length == 4 ? session_.ipv4 : session_.ipv6;
  foreign.bytes[foreign.length - 1] ^= 0x55;
  const uint8_t payload[8] = {};
  session_.send(session_.dtls != nullptr, kData, icmpEcho(foreign, target, id_, next_++, payload));
  const int answers = repliesWithin(300, 1);
  Report report{answers == 0, {}};
  report.json.add("answers", answers);
  return report;
}

Script::Report Script::waitFor(int ms) {
  await(ms, [](const Event&) { return false; });
  int data = 0, probes = 0, ends = 0, others = 0;
  for (const Event& event : inbox_) ++(event.type == kData ? data : event.type == kDpdOut ? probes : event.type == kDisconnect || event.type == kTerminate ? ends : others);
  inbox_.clear();
  Report report{true, {}};
  report.json.add("data", data).add("dpd", probes).add("disconnects", ends).add("others", others).add("tlsClosed", tlsClosed_).add("dtlsClosed", dtlsClosed_);
  return report;
}

Script::Report Script::run(const std::string& step) {
  const bool inverted = step.rfind('!', 0) == 0;
  const std::string plain = step.substr(inverted);
  const size_t colon = plain.find(':');
  const std::string name = plain.substr(0, colon), argument = colon == std::string::npos ? "" : plain.substr(colon + 1);
  const auto number = [&](double otherwise) { return argument.empty() ? otherwise : toNumber(argument); };
  const bool needsDtls = name == "dpd" || name == "keepalive" || name == "forge" || name == "replay" || name == "stale" || name == "odd" || name == "port" || name == "close-notify";
  Report report;
  try {
    if (needsDtls && !session_.dtls) throw Failure("there is no DTLS channel");
    if (name == "ping") report = ping(argument, session_.dtls != nullptr);
    else if (name == "tls-ping") report = ping(argument, false);
    else if (name == "dpd" || name == "tls-dpd") report = dpd(argument, name == "dpd");
    else if (name == "keepalive" || name == "tls-keepalive") session_.send(name == "keepalive", kKeepalive, {}), report.ok = true;
    else if (name == "forge") report = forge(int(number(100)));
    else if (name == "replay") report = replay(int(number(10)));
    else if (name == "stale") report = stale(uint64_t(number(10)));
    else if (name == "odd") report = odd(argument);
    else if (name == "spoof") report = spoof();
    else if (name == "wait") report = waitFor(int(number(1000)));
    else if (name == "port") {
      session_.dtls->moveTo(openUdp(session_.plan.udp(session_.grant.port), session_.plan.source(session_.number), 0));
      report.ok = true;
    } else if (name == "dtls") {
      session_.openDtls();
      dtlsClosed_ = false;
      report.ok = true;
      report.json = session_.describe();
    } else if (name == "no-dtls") session_.dtls.reset(), report.ok = true;
    else if (name == "close-notify") report.ok = session_.dtls->sendRaw(session_.dtls->record(kAlert, Bytes{1, 0}));
    else if (name == "reconnect") {
      session_.reconnect();
      session_.tls->unblock();
      tlsClosed_ = false;
      report.ok = true;
      report.json = session_.describe();
    } else if (name == "closed") {
      if (!tlsClosed_) await(int(number(1000)), [](const Event&) { return false; });
      report.ok = tlsClosed_;
    } else if (name == "bye") session_.bye(), tlsClosed_ = true, report.ok = true;
    else if (name == "drop") session_.tls->drop(), session_.dtls.reset(), tlsClosed_ = true, report.ok = true;
    else throw Failure("no such step: " + name);
  } catch (const Failure& failure) {
    report.ok = false;
    report.json.add("error", failure.what());
    if (std::string(failure.what()).rfind("no such", 0) == 0) throw;
  }
  report.ok = report.ok != inverted;
  report.json = Json().add("step", step).add("ok", report.ok).add("report", report.json);
  return report;
}

}  // namespace load
