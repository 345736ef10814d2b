// One DTLS association: OpenSSL shakes hands, our own records carry the data.
#pragma once
#include <memory>

#include "dialogue.h"
#include "dtls_wire.h"
#include "record.h"
#include "replay.h"

namespace load {

// Contexts are shared by all associations of a process.
struct DtlsContexts {
  DtlsContexts();
  SslContext psk, resumed;
};

struct DtlsPlan {
  Offer::Mode mode = Offer::Mode::kPsk;
  Bytes id;            // session_id of the ClientHello
  std::string suites;  // OpenSSL's names; one when resuming
  Bytes secret;        // PSK, or master secret
  bool ems = false;    // offer extended_master_secret
  DropPlan drop;
  int linkMtu = 1400;
  int limitMs = 12'000;  // openconnect's
};

struct AssociationFacts {
  std::string version, cipher;
  bool helloVerified = false, resumed = false;
  double ms = 0;
  int datagramsOut = 0, datagramsIn = 0;
};

class Association {
 public:
  // Throws when the handshake fails or takes too long.
  Association(const DtlsContexts& contexts, Socket udp, const DtlsPlan& plan);

  int fd() const { return wire_->fd(); }
  AssociationFacts facts;
  Suite suite;
  // The next record of ours.
  uint64_t sequence = 0;
  Seen seen;
  uint64_t forged = 0, odd = 0, alerts = 0;

  Protection& writer() { return *keys_.write; }
  // `length` bytes lie at record + writer().prefix(). Returns the record's length.
  size_t seal(uint8_t* record, uint8_t type, size_t length) { return keys_.write->seal(record, type, sequence++, length); }
  // A sealed record of its own.
  Bytes record(uint8_t type, View plain);
  // One record in a datagram. False when the kernel did not take it.
  bool send(uint8_t type, View plain) { return sendRaw(record(type, plain)); }
  bool sendRaw(View datagram) const;

  enum class Opened : uint8_t { kData, kNothing, kClosed };
  // One record at the front of `datagram`; advances past it. Counts what is wrong with it.
  Opened open(uint8_t*& datagram, size_t& length, View& plain);

  // New source port, same keys.
  void moveTo(Socket udp) { wire_->replace(std::move(udp)); }
  bool handshakeKept() const { return ssl_ != nullptr; }

 private:
  void shakeHands(int limitMs);
  void takeOver();
  // The gateway repeats its flight: ours was lost.
  void repeatLastFlight(View record);
  std::unique_ptr<DtlsWire> wire_;
  Ssl ssl_;
  Bytes secret_;
  Keys keys_;
  friend unsigned pskOf(SSL*, const char*, char*, unsigned, unsigned char*, unsigned);
};

}  // namespace load
