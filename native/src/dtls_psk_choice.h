// Which of two pre-shared keys a client uses: that of its tunnel, or that of the session's first tunnel, which clients built
// on OpenSSL keep for the life of their process (reference protocol section 9.8). The client's Finished tells: it is held back
// with its flight, tried under both keys, and only then given to OpenSSL, which has to know the key before. For suites of
// plain PSK with AEAD; with others the first key is taken.
#pragma once
#include <openssl/ssl.h>

#include "bytes.h"

namespace postern {

class DtlsPskChoice {
 public:
  // Implementation constant: bytes of the client's flight held back, with repeats. Twenty times of what clients send.
  static constexpr size_t kHeld = 4096;

  // `first` is taken where no trial is possible. Both outlive the choice.
  DtlsPskChoice(ByteView first, ByteView second) : keys_{first, second} {}
  DtlsPskChoice(const DtlsPskChoice&) = delete;
  DtlsPskChoice& operator=(const DtlsPskChoice&) = delete;

  // Shows it the messages of the handshake; it must outlive `ssl`.
  void watch(SSL* ssl);
  // Records of the client, before OpenSSL sees them. True when they, and all that were held back, may go on: take() them.
  bool receive(SSL* ssl, ByteView records);
  Bytes take() { return std::move(held_); }
  ByteView key() const noexcept { return keys_[chosen_]; }
  bool second() const noexcept { return chosen_ == 1; }

 private:
  static void observe(int write, int version, int type, const void* bytes, size_t length, SSL* ssl, void* self);
  void message(ByteView message);
  void read(ByteView records);
  void decide(SSL* ssl);
  bool opensFinished(SSL* ssl, ByteView key) const;

  const ByteView keys_[2];
  size_t chosen_ = 0;
  bool decided_ = false;
  bool answered_ = false;  // our ServerHelloDone has gone
  Bytes transcript_;       // ClientHello to ClientKeyExchange
  Bytes exchange_;         // the ClientKeyExchange message
  Bytes finished_;         // the record with the Finished message
  Bytes held_;
};

}  // namespace postern
