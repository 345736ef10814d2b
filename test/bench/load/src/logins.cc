// `login`: whole logins with DTLS, in and out, many at a time. `storm`: TLS handshakes alone, as many at once as asked for.
#include <openssl/err.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>
#include <thread>

#include "commands.h"
#include "flow.h"
#include "session.h"

namespace load {
namespace {

struct Attempt {
  Socket socket;
  Ssl ssl;
};

Attempt begin(SSL_CTX* context, const Endpoint& to, const std::string& source, int epoll, uint64_t index) {
  Attempt attempt{Socket(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), Ssl(SSL_new(context))};
  if (!source.empty()) {
    const Endpoint from = endpointOf(source, 0);
    if (bind(attempt.socket.fd(), from.raw(), from.length) != 0) throw Failure(systemError("bind " + source));
  }
  if (connect(attempt.socket.fd(), to.raw(), to.length) != 0 && errno != EINPROGRESS) throw Failure(systemError("connect"));
  SSL_set_fd(attempt.ssl.get(), attempt.socket.fd());
  SSL_set_connect_state(attempt.ssl.get());
  epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {.u64 = index}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, attempt.socket.fd(), &event);
  return attempt;
}

}  // namespace

int runLogin(const Options& options) {
  const Plan plan(options);
  const int count = int(options.number("count", 100)), threads = int(options.number("threads", 8));
  std::mutex mutex;
  std::map<std::string, int> errors;
  std::vector<double> tookMs;
  std::vector<std::string> cookies(static_cast<size_t>(count));
  const bool keeps = options.has("save-cookies");
  std::atomic<int> next{0}, done{0};
  const uint64_t started = nowNs();
  std::vector<std::thread> crew;
  for (int i = 0; i < threads; ++i)
    crew.emplace_back([&] {
      for (int number; (number = next++) < count;) {
        const uint64_t from = nowNs();
        try {
          Session session(plan, number);
          if (plan.mode != Offer::Mode::kNone) session.openDtls(), session.probeMtu();
          cookies[size_t(number)] = session.cookie;
          if (keeps) session.tls->drop();
          else session.bye();
          ++done;
          const std::lock_guard lock(mutex);
          tookMs.push_back(double(nowNs() - from) / 1e6);
        } catch (const std::exception& error) {
          const std::lock_guard lock(mutex);
          ++errors[error.what()];
        }
      }
    });
  for (std::thread& member : crew) member.join();
  const double seconds = double(nowNs() - started) / 1e9;
  if (keeps) {
    std::ofstream file(options.text("save-cookies"));
    for (const std::string& cookie : cookies) file << cookie << '\n';
  }
  std::sort(tookMs.begin(), tookMs.end());
  Json failed;
  for (const auto& [text, times] : errors) failed.add(text, times);
  Json()
      .add("ok", done == count).add("done", done.load()).add("seconds", seconds).add("perSec", double(done) / seconds)
      .add("medianMs", tookMs.empty() ? 0.0 : tookMs[tookMs.size() / 2]).add("errors", failed)
      .print();
  return done == count ? 0 : 1;
}

int runStorm(const Options& options) {
  const auto sources = options.list("source");
  const Endpoint to = endpointOf(options.text("server"), uint16_t(options.number("port", 443)));
  const SslContext context = tlsContext(options.text("tls"));
  const size_t width = size_t(options.number("handshakes", 500));
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  raiseDescriptorLimit();
  const auto source = [&](size_t i) { return sources.empty() ? std::string() : sources[i % sources.size()]; };
  std::vector<Attempt> open;
  for (size_t i = 0; i < width; ++i) open.push_back(begin(context.get(), to, source(i), epoll, i));
  const uint64_t started = nowNs(), end = started + uint64_t(options.number("seconds", 3) * 1e9);
  size_t done = 0, failed = 0;
  std::string version;
  while (nowNs() < end) {
    epoll_event events[64];
    const int n = epoll_wait(epoll, events, 64, 50);
    for (int i = 0; i < n; ++i) {
      Attempt& attempt = open[events[i].data.u64];
      ERR_clear_error();
      const int result = SSL_do_handshake(attempt.ssl.get());
      const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(attempt.ssl.get(), result);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) continue;
      if (result == 1) ++done, version = SSL_get_version(attempt.ssl.get());
      else ++failed;
      const uint64_t index = events[i].data.u64;
      attempt.ssl.reset();
      attempt.socket.reset();
      attempt = begin(context.get(), to, source(index), epoll, index);
    }
  }
  const double seconds = double(nowNs() - started) / 1e9;
  ::close(epoll);
  Json().add("ok", done > 0).add("done", done).add("failed", failed).add("perSec", double(done) / seconds).add("version", version).print();
  return done > 0 ? 0 : 1;
}

}  // namespace load
