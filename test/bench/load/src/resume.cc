// `resume`: sessions that come back with their cookies, each by itself, as openconnect does (reference protocol 6).
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "commands.h"
#include "flow.h"
#include "session.h"

namespace load {
namespace {

constexpr int kMostAttempts = 30;

struct Account {
  std::mutex mutex;
  std::map<std::string, int> errors;
  std::vector<double> tookMs;
  uint64_t firstNs = UINT64_MAX, lastNs = 0;  // of the attempts that succeeded: begin, end
  int attempts = 0, back = 0, moved = 0, disconnects = 0;  // moved: to other addresses
};

// Until the gateway closes the TLS channel. False when it said DISCONNECT before, which is final.
bool waitForEnd(Session& session) {
  bool final = false;
  session.tls->unblock();
  for (;;) {
    uint8_t type;
    View payload;
    const auto read = session.tls->read(type, payload);
    if (read == TlsClient::Read::kClosed) return !final;
    if (read == TlsClient::Read::kNothing) {
      pollfd wait{session.tls->fd(), POLLIN, 0};
      poll(&wait, 1, 1000);
    } else if (type == kDpdOut) {
      session.send(false, kDpdResp, {});
    } else if (type == kDisconnect || type == kTerminate) {
      final = true;
    }
  }
}

// One attempt; true when the tunnel stands again.
bool comeBack(Session& session, bool dtls, Account& account) {
  const std::string before = session.grant.ipv4 + ' ' + session.grant.ipv6;
  const uint64_t from = nowNs();
  try {
    session.reconnect();
    const uint64_t tunnel = nowNs();
    if (dtls) session.openDtls(), session.probeMtu();
    const std::lock_guard lock(account.mutex);
    ++account.attempts;
    account.tookMs.push_back(double(tunnel - from) / 1e6);
    account.firstNs = std::min(account.firstNs, from);
    account.lastNs = std::max(account.lastNs, nowNs());
    account.moved += before != session.grant.ipv4 + ' ' + session.grant.ipv6;
    return true;
  } catch (const std::exception& error) {
    const std::lock_guard lock(account.mutex);
    ++account.attempts;
    ++account.errors[error.what()];
    return false;
  }
}

// The cookie of some session: after that a client asks for a login.
bool refusedForGood(Account& account) {
  const std::lock_guard lock(account.mutex);
  return std::any_of(account.errors.begin(), account.errors.end(), [](const auto& error) { return error.first.rfind("CONNECT: 401", 0) == 0; });
}

void live(Session& session, bool dtls, int times, double intervalSec, Account& account) {
  for (int i = 0; i < times; ++i)
    if (!comeBack(session, dtls, account)) return;
  if (times == 0) {
    if (!waitForEnd(session)) {
      const std::lock_guard lock(account.mutex);
      ++account.disconnects;
      return;
    }
    // At once, then after 10 s, 20 s and so on.
    for (int attempt = 1; !comeBack(session, dtls, account); ++attempt) {
      if (attempt == kMostAttempts || refusedForGood(account)) return;
      std::this_thread::sleep_for(std::chrono::duration<double>(std::min(10, attempt) * intervalSec));
    }
  }
  const std::lock_guard lock(account.mutex);
  ++account.back;
}

}  // namespace

int runResume(const Options& options) {
  const Plan plan(options);
  raiseDescriptorLimit();
  const int count = int(options.number("sessions", 1)), threads = int(options.number("threads", 16)), times = int(options.number("count", 0));
  const double intervalSec = options.number("interval", 10);
  const bool dtls = plan.mode != Offer::Mode::kNone;
  Account account;
  std::vector<std::unique_ptr<Session>> sessions(static_cast<size_t>(count));
  std::atomic<int> next{0};
  std::vector<std::thread> crew;
  for (int i = 0; i < threads; ++i)
    crew.emplace_back([&] {
      for (int number; (number = next++) < count;) {
        try {
          auto session = std::make_unique<Session>(plan, number);
          if (dtls) session->openDtls(), session->probeMtu();
          sessions[size_t(number)] = std::move(session);
        } catch (const std::exception& error) {
          const std::lock_guard lock(account.mutex);
          ++account.errors[error.what()];
        }
      }
    });
  for (std::thread& member : crew) member.join();
  const auto describe = [&] {
    Json errors;
    for (const auto& [text, often] : account.errors) errors.add(text, often);
    return errors;
  };
  const auto opened = std::count_if(sessions.begin(), sessions.end(), [](const auto& session) { return session != nullptr; });
  Json().add("ready", true).add("sessions", opened).add("errors", describe()).print();
  if (opened < count) return 1;
  std::vector<std::thread> clients;
  for (const auto& session : sessions) clients.emplace_back([&] { live(*session, dtls, times, intervalSec, account); });
  for (std::thread& client : clients) client.join();
  std::sort(account.tookMs.begin(), account.tookMs.end());
  const auto quantile = [&](double part) { return account.tookMs.empty() ? 0.0 : account.tookMs[size_t(part * double(account.tookMs.size() - 1))]; };
  const bool ok = account.back == count && account.moved == 0;
  Json()
      .add("ok", ok).add("back", account.back).add("moved", account.moved).add("disconnects", account.disconnects)
      .add("attempts", account.attempts).add("seconds", account.lastNs == 0 ? 0.0 : double(account.lastNs - account.firstNs) / 1e9)
      .add("medianMs", quantile(0.5)).add("p99Ms", quantile(0.99)).add("errors", describe())
      .print();
  for (const auto& session : sessions) {
    if (options.has("keep")) session->tls->drop();
    else if (ok) session->bye();
  }
  return ok ? 0 : 1;
}

}  // namespace load
