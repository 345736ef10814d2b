// `tun`: one session behind a TUN device with all offloads, so that the kernel's TCP can run through a client that costs
// little: the synthetic peer of the bench.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

#include "commands.h"
#include "flow.h"
#include "gso.h"
#include "session.h"
#include "tcp_segments.h"

namespace load {
namespace {

volatile std::sig_atomic_t stopped = 0;
constexpr size_t kSlots = 8;

Socket openTun(const std::string& name) {
  Socket device(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (device.fd() < 0) throw Failure(systemError("/dev/net/tun"));
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  if (ioctl(device.fd(), TUNSETIFF, &request) != 0) throw Failure(systemError("TUN device " + name));
  if (ioctl(device.fd(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0) throw Failure(systemError("TUN offloads"));
  return device;
}

class Bridge {
 public:
  Bridge(Session& session, const Options& options)
      : session_(session), device_(openTun(options.text("device", "tun0"))), gso_(!options.has("no-gso")), in_(kSlots * 65536), super_(65536 + 16), out_(65536 + 4096) {
    if (!options.has("no-gso") || options.has("gro")) mergeOnReceive(session.dtls->fd());
  }
  void serve(uint64_t endNs) {
    while (!stopped && nowNs() < endNs && !closed_) {
      pollfd wait[3] = {{session_.dtls->fd(), POLLIN, 0}, {device_.fd(), POLLIN, 0}, {session_.tls->fd(), POLLIN, 0}};
      poll(wait, 3, 200);
      size_t work = 0;
      if (wait[0].revents) work += down();
      if (wait[1].revents) work += up();
      if (wait[2].revents) readTls();
      // Let more come together while there is much.
      if (work >= 4) {
        const timespec pause{0, 50'000};
        nanosleep(&pause, nullptr);
      }
    }
  }
  Json result() const {
    const Association& channel = *session_.dtls;
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return Json().add("ok", damaged_ == 0 && channel.seen.duplicates() == 0 && channel.forged == 0).add("damaged", damaged_).add("upPackets", upPackets_).add("upReads", upReads_)
        .add("upSends", upSends_).add("upDropped", upDropped_).add("downReads", downReads_).add("downPackets", downPackets_).add("downWrites", downWrites_)
        .add("forged", channel.forged).add("odd", channel.odd).add("duplicates", channel.seen.duplicates()).add("missing", channel.seen.missing())
        .add("reordered", channel.seen.reordered()).add("closed", closed_)
        .add("cpuSec", double(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
  }

 private:
  size_t up() {
    size_t reads = 0;
    for (; reads < 16; ++reads) {
      const long n = ::read(device_.fd(), super_.data(), super_.size());
      if (n < long(sizeof(VirtioHeader))) break;
      ++upReads_;
      VirtioHeader header;
      std::memcpy(&header, super_.data(), sizeof header);
      const Cut cut(header, super_.data() + sizeof header, size_t(n) - sizeof header);
      send(cut);
    }
    return reads;
  }

  void send(const Cut& cut) {
    Association& channel = *session_.dtls;
    const size_t prefix = channel.writer().prefix(), segment = cut.size(0) + 1 + channel.writer().overhead();
    const size_t most = gso_ ? std::min(kMaxSegments, kMaxDatagram / segment) : 1;
    for (size_t done = 0; done < cut.count();) {
      const size_t parts = std::min(most, cut.count() - done);
      size_t length = 0;
      for (size_t i = 0; i < parts; ++i, ++done) {
        uint8_t* const record = out_.data() + length;
        record[prefix] = kData;
        cut.write(done, record + prefix + 1);
        length += channel.seal(record, kApplicationData, cut.size(done) + 1);
      }
      upPackets_ += parts;
      ++upSends_;
      if (!sendSegments(channel.fd(), out_.data(), length, segment, nullptr)) upDropped_ += parts;
    }
  }

  size_t down() {
    Association& channel = *session_.dtls;
    size_t reads = 0;
    for (; reads < kSlots; ++reads) {
      uint8_t* const slot = in_.data() + reads * 65536;
      Received got;
      if (!receiveSegments(channel.fd(), slot, 65536, got)) break;
      ++downReads_;
      for (size_t at = 0; at < got.length; at += got.segment) {
        uint8_t* record = slot + at;
        size_t length = std::min(got.segment, got.length - at);
        while (length > 0) {
          View plain;
          const auto opened = channel.open(record, length, plain);
          if (opened == Association::Opened::kData && !plain.empty()) take(plain);
        }
      }
    }
    flush();
    return reads;
  }

  void take(View plain) {
    if (plain[0] == kDpdOut) session_.send(true, kDpdResp, plain.subspan(1));
    if (plain[0] != kData) return;
    ++downPackets_;
    if (!parsePacket(plain.subspan(1))) {
      ++damaged_;
      return;
    }
    uint8_t* const packet = const_cast<uint8_t*>(plain.data()) + 1;
    if (merge_.add(packet, plain.size() - 1)) return;
    flush();
    merge_.add(packet, plain.size() - 1);
  }
  void flush() {
    if (merge_.empty()) return;
    const auto& parts = merge_.finish();
    if (::writev(device_.fd(), parts.data(), int(parts.size())) > 0) ++downWrites_;
    merge_.reset();
  }

  void readTls() {
    uint8_t type;
    View payload;
    for (;;) {
      const auto read = session_.tls->read(type, payload);
      if (read == TlsClient::Read::kNothing) return;
      if (read == TlsClient::Read::kClosed) {
        closed_ = true;
        return;
      }
      if (type == kDpdOut) session_.send(false, kDpdResp, {});
      else if (type == kData) take([&] {
        tlsPacket_.assign(1, kData);
        tlsPacket_.insert(tlsPacket_.end(), payload.begin(), payload.end());
        return View(tlsPacket_);
      }()), flush();
    }
  }

  Session& session_;
  Socket device_;
  bool gso_, closed_ = false;
  Bytes in_, super_, out_, tlsPacket_;
  Merge merge_;
  uint64_t upReads_ = 0, upPackets_ = 0, upSends_ = 0, upDropped_ = 0, downReads_ = 0, downPackets_ = 0, downWrites_ = 0, damaged_ = 0;
};

}  // namespace

int runTun(const Options& options) {
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  std::signal(SIGTERM, [](int) { stopped = 1; });
  std::signal(SIGINT, [](int) { stopped = 1; });
  Plan plan(options);
  plan.socketBuffer = 8 << 20;
  Session session(plan, 0);
  session.openDtls();
  session.probeMtu();
  session.tls->unblock();
  Bridge bridge(session, options);
  session.describe().add("ready", true).add("device", options.text("device", "tun0")).print();
  bridge.serve(nowNs() + uint64_t(options.number("seconds", 3600) * 1e9));
  Json result = bridge.result().add("session", session.describe());
  if (!options.has("keep")) session.bye();
  result.print();
  return 0;
}

}  // namespace load
