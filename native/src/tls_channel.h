// The TLS connection of a tunnel after promotion. What SSL wants to send is collected, so that all records of a
// super-packet leave in one send (reference dataplane section 3.6); what the socket does not take stays here, encrypted
// and in order. Belongs to one worker's thread.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <vector>

#include "buffer_pool.h"
#include "stats.h"

namespace postern {

class Tunnel;
class TlsChannel;

// What the channels of a worker share: what one of them has received and the records collected for one of them, spare
// buffers, and the tunnels that have sent something since the worker last looked.
struct TlsOutput {
  // Implementation constant: bytes of one recv.
  static constexpr size_t kReceive = 64 * 1024;

  explicit TlsOutput(StatBlock& s) : received(new uint8_t[kReceive]), scratch(16384), stats(s) { collected.reserve(256 * 1024); }
  std::unique_ptr<uint8_t[]> received;
  Bytes scratch;  // one frame under construction
  Bytes collected;
  TlsChannel* owner = nullptr;  // of `collected`
  BufferPool pool;
  std::vector<Tunnel*> touched;
  StatBlock& stats;
};

class TlsChannel {
 public:
  // kNothing: a record without data, behind which there are more.
  enum class Read { kData, kNothing, kWait, kEof, kError };

  // Takes fd and SSL. The SSL must speak straight to the fd (SSL_set_fd): its BIOs are replaced.
  TlsChannel(int fd, SSL* ssl, TlsOutput& output, Tunnel& tunnel);
  ~TlsChannel();  // closes at once; what was not sent is lost
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  int fd() const noexcept { return fd_; }
  // Encrypts, one record for each 16 KiB at most. False after a fatal error.
  bool write(ByteView plain) noexcept;
  // Before a burst of reads: the socket may have something again.
  void expectMore() noexcept { drained_ = false; }
  // One record, or a part of it. `into` holds 16 KiB.
  Read read(ByteSpan into, size_t& length) noexcept;
  // Has the last recv brought records that are not yet read?
  bool staged() const noexcept { return !staged_.empty(); }
  // After a burst of reads: other channels receive into the same place.
  void park();
  // Sends what is collected for this channel, or what a former send left. False when the connection is broken.
  bool flush() noexcept;
  // The socket takes no more for now.
  bool blocked() const noexcept { return !backlog_.empty(); }
  size_t unsent() const noexcept { return backlog_.size() - sent_; }
  bool broken() const noexcept { return broken_; }
  // close_notify goes into the output; nothing may be written after it.
  void closeNotify() noexcept;
  // Gives the record buffers back while nothing is in them.
  void releaseBuffers() noexcept { SSL_free_buffers(ssl_); }
  // Has output been produced since the worker last looked? Kept here for TlsOutput::touched.
  bool touched = false;

 private:
  friend struct TlsBio;
  ssize_t receive() noexcept;
  void collect(const uint8_t* bytes, size_t length) noexcept;
  long send(const uint8_t* bytes, size_t length) noexcept;

  int fd_;
  SSL* ssl_;
  TlsOutput& output_;
  Tunnel& tunnel_;
  ByteView staged_;  // received, not yet in the SSL: a part of TlsOutput::received or of held_
  Bytes held_;
  Bytes backlog_;
  size_t sent_ = 0;  // of backlog_
  bool drained_ = false;  // the last recv was short: asking again would only cost a call
  bool eof_ = false;
  bool broken_ = false;
  bool fatal_ = false;  // the SSL object is dead: no shutdown alert
};

}  // namespace postern
