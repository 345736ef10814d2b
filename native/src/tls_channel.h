// The TLS connection of a tunnel after promotion. What SSL wants to send is collected, so that all records of a
// super-packet leave in one send (reference dataplane section 3.6); what the socket does not take stays here, encrypted
// and in order. Belongs to one worker's thread.
#pragma once
#include <openssl/ssl.h>

#include <vector>

#include "buffer_pool.h"
#include "stats.h"

namespace postern {

class Tunnel;
class TlsChannel;

// What the channels of a worker share: records collected for one of them at a time, spare buffers, and the tunnels
// that have sent something since the worker last looked.
struct TlsOutput {
  explicit TlsOutput(StatBlock& s) : scratch(16384), stats(s) { collected.reserve(256 * 1024); }
  Bytes scratch;  // one frame under construction
  Bytes collected;
  TlsChannel* owner = nullptr;  // of `collected`
  BufferPool pool;
  std::vector<Tunnel*> touched;
  StatBlock& stats;
};

class TlsChannel {
 public:
  enum class Read { kData, kWait, kEof, kError };

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
  // Decrypted or undecrypted bytes inside the SSL, which epoll cannot see.
  bool pending() const noexcept { return SSL_has_pending(ssl_) != 0; }
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
  void collect(const uint8_t* bytes, size_t length) noexcept;
  long send(const uint8_t* bytes, size_t length) noexcept;

  int fd_;
  SSL* ssl_;
  TlsOutput& output_;
  Tunnel& tunnel_;
  Bytes backlog_;
  size_t sent_ = 0;  // of backlog_
  bool drained_ = false;  // the last recv was short: asking again would only cost a call
  bool eof_ = false;
  bool broken_ = false;
  bool fatal_ = false;  // the SSL object is dead: no shutdown alert
};

}  // namespace postern
