#include "crowd.h"

#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <thread>

#include "gso.h"

namespace load {

Crowd::Crowd(const Options& options, const Plan& plan)
    : plan_(plan),
      gso_(!options.has("no-gso")),
      gro_(options.has("gro")),
      segments_(size_t(options.number("segments", 44))),
      dpdSec_(options.number("dpd", 0)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      in_(65536),
      out_(65536 + 4096) {
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  epoll_event event{EPOLLIN, {.u64 = ~0ull}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
}

Crowd::~Crowd() {
  ::close(epoll_);
  ::close(wake_);
}

std::map<std::string, int> Crowd::open(int count, int threads) {
  raiseDescriptorLimit();
  std::map<std::string, int> errors;
  std::atomic<int> next{0}, running{threads};
  std::vector<std::thread> crew;
  for (int i = 0; i < threads; ++i)
    crew.emplace_back([&] {
      for (int number; (number = next++) < count;) {
        try {
          auto session = std::make_unique<Session>(plan_, number);
          if (session->grant.dtls != Offer::Mode::kNone) session->openDtls(), session->probeMtu();
          session->tls->unblock();
          const std::lock_guard lock(mutex_);
          opened_.push_back(std::move(session));
          const uint64_t one = 1;
          if (write(wake_, &one, sizeof one) < 0) continue;
        } catch (const std::exception& error) {
          const std::lock_guard lock(mutex_);
          ++errors[error.what()];
        }
      }
      --running;
    });
  while (running > 0) serve(20);
  for (std::thread& member : crew) member.join();
  adopt();
  return errors;
}

void Crowd::adopt() {
  std::vector<std::unique_ptr<Session>> fresh;
  {
    const std::lock_guard lock(mutex_);
    fresh.swap(opened_);
  }
  for (auto& session : fresh) {
    auto client = std::make_unique<Client>();
    client->session = std::move(session);
    client->heardNs = nowNs();
    const uint64_t index = clients.size();
    epoll_event event{EPOLLIN, {.u64 = index << 1}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, client->session->tls->fd(), &event);
    if (client->session->dtls) {
      client->dtlsOpen = true;
      if (gro_) mergeOnReceive(client->session->dtls->fd());
      event.data.u64 |= 1;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, client->session->dtls->fd(), &event);
    }
    clients.push_back(std::move(client));
    readTls(*clients.back());  // what came with CONNECT's answer
  }
}

void Crowd::serve(int ms) {
  epoll_event events[256];
  const int n = epoll_wait(epoll_, events, 256, ms);
  for (int i = 0; i < n; ++i) {
    const uint64_t data = events[i].data.u64;
    if (data == ~0ull) {
      uint64_t count;
      if (read(wake_, &count, sizeof count) > 0) adopt();
      continue;
    }
    Client& client = *clients[data >> 1];
    if (data & 1) readDtls(client);
    else readTls(client);
  }
  const uint64_t now = nowNs();
  if (dpdSec_ > 0 && now - probedAt_ > 200'000'000) probe(now);
  round();
}

void Crowd::readDtls(Client& client) {
  if (!client.dtlsOpen) return;
  Association& channel = *client.session->dtls;
  Received got;
  for (int reads = 0; reads < 8 && receiveSegments(channel.fd(), in_.data(), in_.size(), got); ++reads) {
    ++counts.reads;
    client.heardNs = nowNs();
    client.probes = 0;
    for (size_t at = 0; at < got.length; at += got.segment) {
      ++counts.datagrams;
      uint8_t* record = in_.data() + at;
      size_t length = std::min(got.segment, got.length - at);
      while (length > 0) {
        View plain;
        const auto opened = channel.open(record, length, plain);
        if (opened == Association::Opened::kData && !plain.empty()) frame(client, true, plain[0], plain.subspan(1));
        else if (opened == Association::Opened::kClosed) ++counts.dtlsClosed, client.dtlsOpen = false;
      }
    }
  }
}

void Crowd::readTls(Client& client) {
  uint8_t type;
  View payload;
  while (client.tlsOpen) {
    const auto read = client.session->tls->read(type, payload);
    if (read == TlsClient::Read::kNothing) return;
    if (read == TlsClient::Read::kClosed) {
      ++counts.tlsClosed;
      client.tlsOpen = client.dtlsOpen = false;
      epoll_ctl(epoll_, EPOLL_CTL_DEL, client.session->tls->fd(), nullptr);
      return;
    }
    client.heardNs = nowNs();
    frame(client, false, type, payload);
  }
}

void Crowd::frame(Client& client, bool dtls, uint8_t type, View payload) {
  switch (type) {
    case kData:
      ++counts.packets;
      counts.tlsPackets += !dtls;
      if (const auto parsed = parsePacket(payload)) packet(client, *parsed);
      else ++counts.damaged;
      return;
    case kDpdOut:
      // Like openconnect: a bare answer.
      ++counts.probesAnswered;
      counts.tlsProbesAnswered += !dtls;
      client.session->send(dtls, kDpdResp, {});
      return;
    case kDpdResp:
      ++counts.answersHeard;
      if (dtls) client.answeredNs = nowNs();
      answer(client, payload);
      return;
    case kKeepalive:
      ++counts.keepalives;
      counts.tlsKeepalives += !dtls;
      return;
    case kDisconnect:
    case kTerminate:
      ++counts.disconnects;
      return;
    default:
      ++counts.foreign;
  }
}

// Probes sessions that were silent for the interval, as openconnect does.
void Crowd::probe(uint64_t now) {
  probedAt_ = now;
  const uint64_t interval = uint64_t(dpdSec_ * 1e9);
  for (const auto& client : clients) {
    if (!client->dtlsOpen || now - client->heardNs < interval || now - client->probedNs < interval / 2) continue;
    if (client->probes == 2) ++counts.unanswered;
    ++client->probes;
    ++counts.probesSent;
    client->probedNs = now;
    client->session->send(true, kDpdOut, {});
  }
}

size_t Crowd::rollCall(int seconds) {
  const uint64_t asked = nowNs();
  size_t living = 0;
  for (int attempt = 0; attempt < seconds && living < clients.size(); ++attempt) {
    // In groups: the gateway's socket need not hold a thousand at once.
    size_t sent = 0;
    for (const auto& client : clients) {
      if (!client->tlsOpen || client->answeredNs >= asked) continue;
      if (client->dtlsOpen) client->session->send(true, kDpdOut, {});
      if (++sent % 100 == 0) serve(1);
    }
    for (const uint64_t end = nowNs() + 1'000'000'000; nowNs() < end && living < clients.size();) {
      serve(20);
      living = 0;
      for (const auto& client : clients) living += client->tlsOpen && (client->session->dtls ? client->dtlsOpen && client->answeredNs >= asked : true);
    }
  }
  return living;
}

void Crowd::sendData(Client& client, View packet) {
  if (client.dtlsOpen) {
    sendBatch(client, 1, packet.size(), [&](uint8_t* to, size_t) { std::memcpy(to, packet.data(), packet.size()); });
  } else {
    client.session->send(false, kData, packet);
  }
}

bool Crowd::flushBatch(Association& channel, size_t length, size_t segment) {
  ++counts.sends;
  counts.segmentsSent += length / segment;
  if (sendSegments(channel.fd(), out_.data(), length, segment, nullptr)) return true;
  ++counts.sendFailures;
  return false;
}

void Crowd::close() {
  for (const auto& client : clients) {
    if (!client->tlsOpen) continue;
    try {
      client->session->bye();
    } catch (const Failure&) {
      ++counts.sendFailures;
    }
  }
}

Json Crowd::describe() const {
  uint64_t forged = 0, odd = 0, duplicates = 0, missing = 0, reordered = 0;
  for (const auto& client : clients)
    if (const auto& channel = client->session->dtls) {
      forged += channel->forged, odd += channel->odd;
      duplicates += channel->seen.duplicates(), missing += channel->seen.missing(), reordered += channel->seen.reordered();
    }
  Json json;
  json.add("reads", counts.reads).add("datagrams", counts.datagrams).add("packets", counts.packets).add("overTls", counts.tlsPackets);
  json.add("damaged", counts.damaged).add("corrupt", counts.corrupt).add("foreign", counts.foreign);
  json.add("forged", forged).add("odd", odd).add("duplicates", duplicates).add("missing", missing).add("reordered", reordered);
  json.add("sends", counts.sends).add("sent", counts.segmentsSent).add("sendFailures", counts.sendFailures);
  json.add("probesSent", counts.probesSent).add("answersHeard", counts.answersHeard).add("unanswered", counts.unanswered);
  json.add("probesAnswered", counts.probesAnswered).add("tlsProbesAnswered", counts.tlsProbesAnswered).add("keepalives", counts.keepalives).add("tlsKeepalives", counts.tlsKeepalives);
  json.add("tlsClosed", counts.tlsClosed).add("dtlsClosed", counts.dtlsClosed).add("disconnects", counts.disconnects);
  return json;
}

}  // namespace load
