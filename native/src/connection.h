// One TLS connection before its promotion: what it has to write, what JavaScript has not yet acknowledged, and the
// calls on its SSL. Its state machine (reference border section 5) is the front's.
#pragma once
#include <openssl/ssl.h>

#include <memory>

#include "admission.h"
#include "listener.h"
#include "tls_context.h"
#include "tunnel_spec.h"

namespace postern {

enum class ConnectionState : uint8_t { kHandshake, kGranted, kWaiting, kClosing };

// Of a TLS call: it is done; it waits for the socket; the peer has ended; it failed for good.
enum class TlsStep : uint8_t { kDone, kWait, kEof, kFailed };

struct Connection {
  // Takes `fd` and the place that `admission` has given `source`.
  Connection(uint32_t handle, int fd, const sockaddr_storage& peer, Admission& admission, const Admission::Source& source);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool startTls(std::shared_ptr<const TlsContexts> contexts);
  TlsStep handshake();
  // One SSL_read; `length` bytes of `into` are filled when done.
  TlsStep read(ByteSpan into, size_t& length);
  // What a read would find, taking nothing: kDone = data.
  TlsStep peek();
  TlsStep flush();
  size_t backlog() const noexcept { return out.size() - outAt; }
  void append(ByteView bytes);
  void retain(ByteView chunk) { retained.assign(chunk.begin(), chunk.end()); }
  void forgetRetained() noexcept;
  // close_notify if it can go at once.
  void sayGoodbye() noexcept;
  void resetOnClose() noexcept;  // RST instead of FIN
  // fd, SSL and all bytes that are still due go over; what is left is only fit to be destroyed.
  void handOver(Promotion& promotion, uint32_t seen);
  Endpoint local() const;

  const uint32_t handle;
  int fd;
  SSL* ssl = nullptr;
  ConnectionState state = ConnectionState::kHandshake;
  uint32_t interest = 0;      // epoll events
  bool watched = false;       // in the front's epoll set
  uint32_t sequence = 0;      // of the last chunk given to JavaScript
  bool endSeen = false;       // FIN or close_notify reported
  bool notify = false;        // `flushed` is owed
  bool goodbye = false;       // close_notify and FIN sent
  int64_t deadline = 0;       // milliseconds; 0 = none
  int64_t stalledSince = 0;   // first moment of a write without progress; 0 = nothing waits
  int64_t since = 0;          // accepted at
  bool proxied = false;       // `peer` is what a proxy said
  const Endpoint peer;

 private:
  TlsStep step(int result);
  Bytes out;
  size_t outAt = 0;
  Bytes retained;  // copy of chunk `sequence` until it is granted: a promotion may have to replay it
  std::shared_ptr<const TlsContexts> contexts_;
  Admission& admission_;
  const Admission::Source source_;
  bool settled_ = false;  // the handshake is done
};

}  // namespace postern
