// The TLS record layer under CSTP, taken over from an SSL after its handshake (reference protocol section 15, recipe B): AEAD
// records of TLS 1.2 and 1.3, KeyUpdate, alerts. Sans I/O: bytes in, bytes out.
#pragma once
#include "key_wear.h"
#include "record_cipher.h"

namespace postern {

class CstpRecords {
 public:
  // Specification constants, RFC 8446 section 5.
  static constexpr size_t kMaxPlain = 16384;
  static constexpr size_t kMaxRecord = RecordCipher::kHeader + kMaxPlain + 256;
  // What a record is longer than its plaintext, at most.
  static constexpr size_t kOverhead = RecordCipher::kHeader + RecordCipher::kExplicitNonce + RecordCipher::kTag;
  // Implementation constant, below RFC 8446 section 5.5: records of one AES-GCM key.
  static constexpr uint64_t kKeyRecords = uint64_t{1} << 24;

  enum Alert : uint8_t {
    kCloseNotify = 0, kUnexpectedMessage = 10, kBadRecordMac = 20, kRecordOverflow = 22, kIllegalParameter = 47,
    kDecodeError = 50, kInternalError = 80, kUserCanceled = 90, kNoRenegotiation = 100,
  };
  enum class Opened : uint8_t {
    kData,
    kNothing,     // no data in it, and nothing to do
    kAnswer,      // the same, but answer() is owed
    kUpdated,     // the same: the peer has new keys
    kClosed,      // close_notify
    kPeerFailed,  // a fatal alert
    kBroken,      // broken() says which alert to send; no further record can be opened
  };

  // Goes on where `ssl` stands; it must have nothing pending, and must not read or write any more. `nonce`: the explicit nonce
  // of its last record, which GCM of TLS 1.2 needs. nullptr: not with this connection.
  static std::unique_ptr<CstpRecords> takeOver(const SSL* ssl, std::optional<uint64_t> nonce);
  ~CstpRecords();
  CstpRecords(const CstpRecords&) = delete;
  CstpRecords& operator=(const CstpRecords&) = delete;

  // Where the plaintext lies in a record that is sealed in place.
  size_t prefix() const noexcept { return write_->prefix(); }
  // `length` bytes (<= kMaxPlain) become one record at `into`, which holds length + kOverhead bytes and does not overlap
  // `plain`, unless plain == into + prefix(). plain[length] is spent. Returns the record's length, 0 after a failure of OpenSSL.
  size_t sealData(uint8_t* plain, size_t length, uint8_t* into) noexcept { return seal(kData, plain, length, into); }
  size_t sealAlert(Alert alert, uint8_t* into) noexcept;  // at most kOverhead + 3 bytes
  bool tls13() const noexcept { return suite_.tls13; }
  // Should the next record be a change of our keys?
  bool keyWorn() const noexcept { return suite_.tls13 && suite_.gcm && (write_->sequence() >= keyRecords_ || peerKeyWorn()); }
  // That change, TLS 1.3 only: a KeyUpdate, and the next keys. Asks the peer for the same when its own have done enough.
  // 0 after a failure.
  size_t sealKeyUpdate(uint8_t* into) noexcept;
  // TLS 1.2 knows no other keys: the connection should make way for another.
  bool worn() const noexcept { return wear_.worn(); }
  // Answer to the last record opened. As sealAlert().
  size_t sealAnswer(uint8_t* into) noexcept;

  // Length of the record that begins with `bytes`: 0 when its header is not whole, kMaxRecord + 1 when it is none of ours.
  size_t recordLength(ByteView bytes) const noexcept;
  // One whole record (recordLength() bytes, <= kMaxRecord) into `plain`, which has room for as much as that; `length` bytes
  // of data.
  Opened open(ByteView record, uint8_t* plain, size_t& length) noexcept;
  Alert broken() const noexcept { return broken_; }

  // For tests: wears keys out sooner.
  void setKeyRecords(uint64_t records) noexcept { keyRecords_ = records; }
  void setKeyBlocks(uint64_t blocks) noexcept { wear_.setLimit(blocks); }

 private:
  enum Content : uint8_t { kAlert = 21, kHandshake = 22, kData = 23 };
  CstpRecords() = default;
  size_t seal(Content content, uint8_t* plain, size_t length, uint8_t* into) noexcept;
  bool advance(uint8_t* secret, RecordCipher& cipher) noexcept;
  Opened fail(Alert alert) noexcept;
  Opened openAlert(ByteView plain) noexcept;
  Opened openHandshake(ByteView plain) noexcept;
  bool peerKeyWorn() const noexcept { return !asked_ && read_->sequence() >= keyRecords_; }
  void count(size_t length) noexcept {
    if (suite_.gcm && !suite_.tls13) wear_.record(length);
  }

  RecordSuite suite_;
  std::unique_ptr<RecordCipher> read_, write_;
  uint8_t readSecret_[48] = {}, writeSecret_[48] = {};
  size_t secretLength_ = 0;
  uint64_t keyRecords_ = kKeyRecords;
  bool asked_ = false;  // the peer for new keys
  KeyWear wear_;        // of TLS 1.2, both directions
  Alert broken_ = kInternalError;
};

}  // namespace postern
