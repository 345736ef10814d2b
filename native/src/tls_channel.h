// The TLS connection of a tunnel after promotion. Its SSL gives way to a record layer of our own as soon as it has nothing
// pending (reference protocol section 15, recipe B); what does not fit there stays with the SSL. What is to be sent is
// collected, so that all records of a super-packet leave in one send (reference dataplane section 3.6); what the socket does
// not take stays here, encrypted and in order. Belongs to one worker's thread.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <vector>

#include "buffer_pool.h"
#include "cstp_records.h"
#include "output_buffer.h"
#include "packet_codec.h"
#include "stats.h"

namespace postern {

class Tunnel;
class TlsChannel;

// What the channels of a worker share: what one of them has received and the records collected for one of them, spare
// buffers, and the tunnels that have sent something since the worker last looked.
struct TlsOutput {
  // Implementation constants: bytes of one recv; of the frame under construction, with the octet that sealing spends.
  static constexpr size_t kReceive = 64 * 1024;
  static constexpr size_t kScratch = CstpRecords::kMaxPlain + 64;

  explicit TlsOutput(StatBlock& s) : received(new uint8_t[kReceive + CstpRecords::kMaxRecord]), scratch(kScratch), stats(s) {}
  std::unique_ptr<uint8_t[]> received;  // behind the part of a record that came before
  Bytes scratch;  // one frame under construction
  OutputBuffer collected{256 * 1024};
  TlsChannel* owner = nullptr;  // of `collected`
  BufferPool pool;
  std::unique_ptr<CodecScratch> codecs;  // from the first tunnel on that compresses
  std::vector<Tunnel*> touched;
  StatBlock& stats;
};

class TlsChannel {
 public:
  // kNothing: a record without data, behind which there are more.
  enum class Read { kData, kNothing, kWait, kEof, kError };

  // Takes fd and SSL. The SSL must speak straight to the fd (SSL_set_fd): its BIOs are replaced. It may be gone after the
  // first write() or read(): what it alone knows has to be asked before.
  TlsChannel(int fd, SSL* ssl, TlsOutput& output, Tunnel& tunnel);
  ~TlsChannel();  // closes at once; what was not sent is lost
  TlsChannel(const TlsChannel&) = delete;
  TlsChannel& operator=(const TlsChannel&) = delete;

  int fd() const noexcept { return fd_; }
  // Encrypts, one record for each 16 KiB at most. False after a fatal error. Spends the octet behind a `plain` that lies in
  // TlsOutput::scratch.
  bool write(ByteView plain) noexcept;
  // Before a burst of reads: the socket may have something again.
  void expectMore() noexcept { drained_ = false; }
  // One record, or a part of it. `into` holds 16 KiB.
  Read read(ByteSpan into, size_t& length) noexcept;
  // Has the last recv brought records that are not yet read?
  bool staged() const noexcept;
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
  void releaseBuffers() noexcept {
    if (ssl_ != nullptr) SSL_free_buffers(ssl_);
  }
  // Gives our own keys way to new ones (RFC 8446 section 4.6.3), silently for the client. False when there are none to be had:
  // TLS 1.2, or the SSL is still in use.
  bool updateKeys() noexcept;
  // Its keys have done what they may, and there are no others (TLS 1.2).
  bool worn() const noexcept { return records_ != nullptr && records_->worn(); }
  // The record layer that has taken over; nullptr while the SSL is in use.
  CstpRecords* records() noexcept { return records_.get(); }
  // Has output been produced since the worker last looked? Kept here for TlsOutput::touched.
  bool touched = false;

 private:
  friend struct TlsBio;
  void touch() noexcept;
  ssize_t receive() noexcept;
  // `room` bytes at the end of the output, and how many of them count.
  uint8_t* extend(size_t room) noexcept;
  void commit(size_t room, size_t length) noexcept;
  long send(const uint8_t* bytes, size_t length) noexcept;

  // tls_channel_ssl.cc
  void putBelow(SSL* ssl) noexcept;
  void collect(const uint8_t* bytes, size_t length) noexcept;
  bool writeSsl(ByteView plain) noexcept;
  Read readSsl(ByteSpan into, size_t& length) noexcept;
  void takeOver() noexcept;

  // tls_channel_records.cc
  bool writeRecords(ByteView plain) noexcept;
  Read readRecords(ByteSpan into, size_t& length) noexcept;
  CstpRecords::Opened open(ByteView record, ByteSpan into, size_t& length) noexcept;
  Read settle(CstpRecords::Opened opened) noexcept;
  template <typename Seal>
  bool append(size_t room, Seal&& seal) noexcept;
  void alert(CstpRecords::Alert alert) noexcept;

  int fd_;
  SSL* ssl_;  // nullptr once records_ has taken over
  std::unique_ptr<CstpRecords> records_;
  TlsOutput& output_;
  Tunnel& tunnel_;
  ByteView staged_;  // received, not yet read: a part of TlsOutput::received or of held_
  Bytes held_;
  Bytes backlog_;
  size_t sent_ = 0;  // of backlog_
  std::optional<uint64_t> nonce_;  // explicit one of the SSL's last record
  bool stays_ = false;    // with its SSL
  bool drained_ = false;  // the last recv was short: asking again would only cost a call
  bool eof_ = false;
  bool broken_ = false;
  bool fatal_ = false;    // nothing more can be written
};

}  // namespace postern
