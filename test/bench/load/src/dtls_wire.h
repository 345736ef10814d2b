// The datagram socket as OpenSSL's handshake sees it: drops what it is told to, and notes which numbers were used.
#pragma once
#include <openssl/bio.h>

#include <set>

#include "endpoint.h"

namespace load {

// Datagrams by number, from 1.
struct DropPlan {
  std::set<int> out, in;
  // "1,3-5"; empty for none.
  static std::set<int> parse(const std::string& text);
};

class DtlsWire {
 public:
  DtlsWire(Socket socket, DropPlan plan) : socket_(std::move(socket)), plan_(std::move(plan)) {}
  int fd() const { return socket_.fd(); }
  // A new source port for what follows.
  void replace(Socket socket) { socket_ = std::move(socket); }
  Socket takeSocket() { return std::move(socket_); }
  // A BIO that reads and writes here; belongs to the SSL it is given to.
  BIO* bio();

  // The next read returns this datagram instead of one from the socket.
  void inject(View datagram) { injected_.assign(datagram.begin(), datagram.end()); }

  // Of epoch 1, as written: the highest sequence and the last explicit nonce.
  bool wroteProtected = false;
  uint64_t highestSequence = 0, lastNonce = 0;
  bool helloVerified = false;
  int sent = 0, received = 0, droppedOut = 0, droppedIn = 0;

  long write(const uint8_t* bytes, size_t length);
  long read(uint8_t* bytes, size_t room);

 private:
  Socket socket_;
  DropPlan plan_;
  Bytes injected_;
};

}  // namespace load
