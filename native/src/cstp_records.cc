#include "cstp_records.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

#include "byte_order.h"
#include "tls_secrets.h"

namespace postern {
namespace {

// Specification constants, RFC 8446 sections 4.6.3 and 6, RFC 5246 section 7.4.
constexpr uint8_t kClientHello = 1, kKeyUpdate = 24;
constexpr uint8_t kWarning = 1, kFatal = 2;

}  // namespace

std::unique_ptr<CstpRecords> CstpRecords::takeOver(const SSL* ssl, std::optional<uint64_t> nonce) {
  const auto suite = recordSuite(ssl);
  const TlsSecrets* secrets = tlsSecrets(ssl);
  if (!suite || secrets == nullptr || secrets->updated || (secrets->length != 0) != suite->tls13) return nullptr;
  std::unique_ptr<CstpRecords> records(new CstpRecords);
  records->suite_ = *suite;
  RecordKeys read, write;
  if (suite->tls13) {
    records->secretLength_ = secrets->length;
    std::copy_n(secrets->read, secrets->length, records->readSecret_);
    std::copy_n(secrets->write, secrets->length, records->writeSecret_);
    if (!tls13Keys(*suite, {secrets->read, secrets->length}, read) || !tls13Keys(*suite, {secrets->write, secrets->length}, write)) return nullptr;
  } else if ((suite->gcm && !nonce) || !tls12Keys(*suite, ssl, read, write)) {
    return nullptr;
  }
  records->read_ = RecordCipher::create(*suite, read, false, secrets->readRecords);
  records->write_ = RecordCipher::create(*suite, write, true, secrets->writeRecords, nonce.value_or(0) + 1);
  if (records->read_ == nullptr || records->write_ == nullptr) return nullptr;
  return records;
}

CstpRecords::~CstpRecords() {
  OPENSSL_cleanse(readSecret_, sizeof readSecret_);
  OPENSSL_cleanse(writeSecret_, sizeof writeSecret_);
}

size_t CstpRecords::seal(Content content, uint8_t* plain, size_t length, uint8_t* into) noexcept {
  count(length);
  if (!suite_.tls13) return write_->seal(content, plain, length, into);
  plain[length] = content;
  return write_->seal(kData, plain, length + 1, into);
}

size_t CstpRecords::sealAlert(Alert alert, uint8_t* into) noexcept {
  const bool warning = alert == kCloseNotify || alert == kNoRenegotiation;
  uint8_t plain[3] = {warning ? kWarning : kFatal, alert};
  return seal(kAlert, plain, 2, into);
}

size_t CstpRecords::sealKeyUpdate(uint8_t* into) noexcept {
  const bool ask = peerKeyWorn();
  uint8_t plain[6] = {kKeyUpdate, 0, 0, 1, static_cast<uint8_t>(ask)};  // update_requested or not
  asked_ = asked_ || ask;
  const size_t length = seal(kHandshake, plain, 5, into);
  return length != 0 && advance(writeSecret_, *write_) ? length : 0;
}

size_t CstpRecords::sealAnswer(uint8_t* into) noexcept {
  return suite_.tls13 ? sealKeyUpdate(into) : sealAlert(kNoRenegotiation, into);
}

// RFC 8446 section 7.2.
bool CstpRecords::advance(uint8_t* secret, RecordCipher& cipher) noexcept {
  uint8_t next[sizeof readSecret_];
  RecordKeys keys;
  const bool good = expandLabel(suite_.digest, {secret, secretLength_}, "traffic upd", {next, secretLength_}) &&
                    tls13Keys(suite_, {next, secretLength_}, keys) && cipher.rekey(keys);
  if (good) std::copy_n(next, secretLength_, secret);
  OPENSSL_cleanse(next, sizeof next);
  return good;
}

size_t CstpRecords::recordLength(ByteView bytes) const noexcept {
  if (bytes.size() < RecordCipher::kHeader) return 0;
  const uint8_t type = bytes[0];
  const bool known = type == kData || (!suite_.tls13 && (type == kAlert || type == kHandshake));
  const size_t length = RecordCipher::kHeader + load16(&bytes[3]);
  if (!known || load16(&bytes[1]) != TLS1_2_VERSION || length < read_->prefix() + RecordCipher::kTag) return kMaxRecord + 1;
  return std::min(length, kMaxRecord + 1);
}

CstpRecords::Opened CstpRecords::fail(Alert alert) noexcept {
  broken_ = alert;
  return Opened::kBroken;
}

CstpRecords::Opened CstpRecords::open(ByteView record, uint8_t* plain, size_t& length) noexcept {
  if (!read_->open(record, plain)) return fail(kBadRecordMac);
  length = record.size() - read_->prefix() - RecordCipher::kTag;
  uint8_t content = record[0];
  if (suite_.tls13) {
    while (length > 0 && plain[length - 1] == 0) --length;  // padding
    if (length == 0) return fail(kUnexpectedMessage);
    content = plain[--length];
  }
  if (length > kMaxPlain) return fail(kRecordOverflow);
  count(length);
  switch (content) {
    case kData: return length != 0 ? Opened::kData : Opened::kNothing;
    case kAlert: return openAlert({plain, length});
    case kHandshake: return openHandshake({plain, length});
    default: return fail(kUnexpectedMessage);
  }
}

CstpRecords::Opened CstpRecords::openAlert(ByteView plain) noexcept {
  if (plain.size() != 2) return fail(kDecodeError);
  if (plain[1] == kCloseNotify) return Opened::kClosed;
  const bool warning = suite_.tls13 ? plain[1] == kUserCanceled : plain[0] == kWarning;
  return warning ? Opened::kNothing : Opened::kPeerFailed;
}

// A message stands alone in its record: KeyUpdate has to, and of a renegotiation the beginning is enough.
CstpRecords::Opened CstpRecords::openHandshake(ByteView plain) noexcept {
  if (!suite_.tls13) return !plain.empty() && plain[0] == kClientHello ? Opened::kAnswer : fail(kUnexpectedMessage);
  if (plain.empty() || plain[0] != kKeyUpdate) return fail(kUnexpectedMessage);
  if (plain.size() != 5 || plain[1] != 0 || plain[2] != 0 || plain[3] != 1) return fail(kDecodeError);
  if (plain[4] > 1) return fail(kIllegalParameter);
  if (!advance(readSecret_, *read_)) return fail(kInternalError);
  asked_ = false;
  return plain[4] == 1 ? Opened::kAnswer : Opened::kUpdated;
}

}  // namespace postern
