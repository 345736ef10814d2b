// One handshake of a DTLS 1.2 server whose client we know: PSK, or a session resumed from its master secret. Datagrams
// in, datagrams out, keys at the end. Sans I/O but for the clock of OpenSSL's retransmission timer.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "datagram_bio.h"
#include "dtls_contexts.h"
#include "dtls_protection.h"
#include "dtls_psk_choice.h"
#include "dtls_table.h"

namespace postern {

struct FreeSsl {
  void operator()(SSL* p) const noexcept { SSL_free(p); }
};

// What both sides agreed on.
struct DtlsAgreed {
  std::string cipher;  // OpenSSL's name
  std::unique_ptr<DtlsProtection> protection;
  bool former = false;  // with the offer's former secret
  // The datagrams that the client waits for last; to be sent again, byte for byte, when the client repeats its own last
  // flight. Whoever has them drops them as replayed. Empty when the client spoke last.
  std::vector<Bytes> lastFlight;
};

class DtlsHandshake {
 public:
  enum class State : uint8_t { kRunning, kDone, kFailed };

  // `mtu` of the link, with IP's header. nullptr when OpenSSL refuses: no such suite, a secret of the wrong length.
  static std::unique_ptr<DtlsHandshake> create(DtlsContexts& contexts, DtlsCandidate candidate, uint16_t mtu, bool ipv4);
  DtlsHandshake(const DtlsHandshake&) = delete;
  DtlsHandshake& operator=(const DtlsHandshake&) = delete;

  // The ClientHello that greet() let through, alone; its cookie is not asked for again.
  State begin(ByteView clientHello, bool answersCookie);
  // Records of a later datagram, without application data.
  State feed(ByteView records);
  // Repeats our flight when its time has come.
  State tick();
  // Until tick() has something to do; nothing when no timer runs.
  std::optional<uint32_t> timeoutMs() const;
  // Datagrams to send; empties the list.
  std::vector<Bytes> take();
  // Once, after kDone. nullopt: what OpenSSL agreed on is not what was offered.
  std::optional<DtlsAgreed> finish();

 private:
  explicit DtlsHandshake(DtlsCandidate candidate) : candidate_(std::move(candidate)) {}
  void offerKeys();
  State advance();
  void noteSent(const Bytes& datagram);
  std::unique_ptr<DtlsProtection> takeOver(DtlsCipher cipher);

  DtlsCandidate candidate_;
  DatagramPort port_;
  SslSession session_;
  DtlsHandshakeSecrets secrets_;
  std::optional<DtlsPskChoice> choice_;  // where the client may use either of two keys
  std::unique_ptr<SSL, FreeSsl> ssl_;  // ends before what it looks at
  uint64_t sentSequence_ = 0;          // highest of epoch 1
  uint64_t sentNonce_ = 0;             // explicit nonce of that record
  std::vector<Bytes> flight_;          // written by the last step
};

}  // namespace postern
