// Record protection of one DTLS association after its handshake: plaintext in, record out, and back. Sans I/O; one owner.
#pragma once
#include <memory>

#include "bytes.h"
#include "dtls_cipher.h"
#include "key_wear.h"

namespace postern {

class DtlsProtection {
 public:
  enum class Opened : uint8_t {
    kData,       // `plain` and `type` are set
    kMalformed,  // not a DTLS 1.2 record of epoch 1, or too short
    kReplayed,   // seen before, or older than the window of 1,024
    kForged,     // the tag does not fit; nothing has changed but the bytes
    kExhausted,  // too many forgeries or records under this key: the association must end
  };

  virtual ~DtlsProtection() = default;
  // Bytes of a record before its plaintext, and how much longer than its plaintext a record is at most.
  virtual size_t prefix() const noexcept = 0;
  virtual size_t overhead() const noexcept = 0;
  // `length` bytes of plaintext lie at record + prefix(); the record is built around them, in place. `record` has room
  // for length + overhead(). Returns the record's length, 0 when the key is used up.
  virtual size_t seal(uint8_t* record, DtlsContent type, size_t length) noexcept = 0;
  // Exactly one record, left as it is: would it open, and is it newer than any that has? Nothing changes but the count of
  // forgeries. Never, where the suite cannot tell without opening it.
  virtual bool newer(ByteView record) noexcept {
    (void)record;
    return false;
  }
  // Exactly one record, opened in place; its bytes are spent either way.
  virtual Opened open(ByteSpan record, ByteSpan& plain, DtlsContent& type) noexcept = 0;
  // The keys have done what they should, in one direction or both: they still work, but others should take their place.
  bool worn() const noexcept { return wear_.worn(); }

  // For tests: wears keys out sooner.
  void setKeyBlocks(uint64_t blocks) noexcept { wear_.setLimit(blocks); }

 protected:
  KeyWear wear_;  // AES-GCM only
};

// Length of the record at the front of a datagram, 0 when the datagram does not begin with a whole DTLS record.
size_t dtlsRecordLength(ByteView datagram) noexcept;

// What a handshake leaves to an AEAD suite: everything an AeadProtection starts from. Wiped when destroyed.
struct DtlsKeys {
  DtlsCipher cipher = DtlsCipher::kAes256Gcm;
  uint8_t readKey[32] = {}, writeKey[32] = {};
  uint8_t readIv[12] = {}, writeIv[12] = {};  // 4 bytes for GCM
  // First record we write ourselves: both are one more than what the handshake used last. A last flight that has to be
  // repeated is the same bytes again, so it never shares a nonce with data.
  uint64_t writeSequence = 0;  // 48 bits
  uint64_t writeNonce = 0;     // explicit nonce of GCM
  uint64_t readHighest = 0;    // nothing up to this sequence is opened any more; 0 = the peer's first Finished
  DtlsKeys() = default;
  DtlsKeys(const DtlsKeys&) = default;
  DtlsKeys& operator=(const DtlsKeys&) = default;
  ~DtlsKeys();
};

// Keys for our side (the server) from a master secret (reference protocol section 9.5). False for a suite that is not AEAD,
// or when OpenSSL refuses.
bool deriveDtlsKeys(DtlsCipher cipher, ByteView masterSecret, ByteView clientRandom, ByteView serverRandom, DtlsKeys& into);

// nullptr when OpenSSL cannot make the cipher. `forgeries`: how many the keys have met already.
std::unique_ptr<DtlsProtection> createAeadProtection(const DtlsKeys& keys, uint64_t forgeries = 0);

}  // namespace postern
