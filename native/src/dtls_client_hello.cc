#include "dtls_client_hello.h"

#include <cstring>

#include "byte_order.h"
#include "dtls_cipher.h"

namespace postern {
namespace {

// Specification constants (RFC 6347 sections 4.1, 4.2.1, 4.2.2).
constexpr uint16_t kDtls10 = 0xfeff;
constexpr uint8_t kClientHello = 1, kHelloVerifyRequest = 3;
constexpr size_t kMessageHeader = 12;
constexpr size_t kRandom = 32;
constexpr size_t kMaxSessionId = 32;
constexpr size_t kMaxRecordBody = 1 << 14;

uint32_t load24(const uint8_t* at) noexcept { return uint32_t{at[0]} << 16 | load16(at + 1); }
void store24(uint8_t* at, uint32_t v) noexcept {
  at[0] = static_cast<uint8_t>(v >> 16);
  store16(at + 1, static_cast<uint16_t>(v));
}

// Takes fields off the front; every step fails when too little is left.
class Fields {
 public:
  explicit Fields(ByteView bytes) : left_(bytes) {}
  bool take(size_t n, ByteView& into) noexcept {
    if (left_.size() < n) return false;
    into = left_.first(n);
    left_ = left_.subspan(n);
    return true;
  }
  // A vector behind a length of one or two bytes.
  bool vector(size_t lengthBytes, ByteView& into) noexcept {
    ByteView length;
    return take(lengthBytes, length) && take(lengthBytes == 1 ? length[0] : load16(length.data()), into);
  }
  bool empty() const noexcept { return left_.empty(); }

 private:
  ByteView left_;
};

bool goodExtensions(Fields& body) noexcept {
  ByteView all;
  if (body.empty()) return true;
  if (!body.vector(2, all) || !body.empty()) return false;
  Fields extensions(all);
  for (ByteView type, value; !extensions.empty();) {
    if (!extensions.take(2, type) || !extensions.vector(2, value)) return false;
  }
  return true;
}

bool parseBody(ByteView bytes, ClientHello& into) noexcept {
  Fields body(bytes);
  ByteView version, compressions;
  if (!body.take(2, version) || !body.take(kRandom, into.random)) return false;
  into.version = load16(version.data());
  if (!body.vector(1, into.sessionId) || into.sessionId.size() > kMaxSessionId) return false;
  if (!body.vector(1, into.cookie)) return false;
  if (!body.vector(2, into.ciphers) || into.ciphers.empty() || into.ciphers.size() % 2 != 0) return false;
  if (!body.vector(1, compressions) || std::memchr(compressions.data(), 0, compressions.size()) == nullptr) return false;
  return goodExtensions(body);
}

}  // namespace

bool parseClientHello(ByteView datagram, ClientHello& into) noexcept {
  if (datagram.size() < kDtlsHeader + kMessageHeader) return false;
  const uint8_t* const record = datagram.data();
  const uint16_t version = load16(record + 1);
  const size_t length = load16(record + 11);
  if (record[0] != static_cast<uint8_t>(DtlsContent::kHandshake) || (version != kDtls10 && version != kDtls12)) return false;
  if (load16(record + 3) != 0) return false;  // epoch
  if (length < kMessageHeader || length > kMaxRecordBody || length > datagram.size() - kDtlsHeader) return false;
  const uint8_t* const message = record + kDtlsHeader;
  const size_t body = length - kMessageHeader;
  if (message[0] != kClientHello || load24(message + 1) != body || load24(message + 6) != 0 || load24(message + 9) != body) return false;
  into.recordSequence = uint64_t{load16(record + 5)} << 32 | load32(record + 7);
  into.messageSequence = load16(message + 4);
  return parseBody({message + kMessageHeader, body}, into);
}

bool isDtlsHandshake(ByteView datagram) noexcept {
  if (datagram.size() < kDtlsHeader || datagram[1] != kDtls12 >> 8) return false;
  const uint16_t epoch = load16(datagram.data() + 3);
  switch (static_cast<DtlsContent>(datagram[0])) {
    case DtlsContent::kHandshake: return epoch <= 1;
    case DtlsContent::kChangeCipherSpec:
    case DtlsContent::kAlert: return epoch == 0;
    default: return false;
  }
}

Bytes helloVerifyRequest(const ClientHello& hello, const std::array<uint8_t, kDtlsCookie>& cookie) {
  constexpr size_t kBody = 2 + 1 + kDtlsCookie;
  Bytes datagram(kDtlsHeader + kMessageHeader + kBody);
  uint8_t* const record = datagram.data();
  record[0] = static_cast<uint8_t>(DtlsContent::kHandshake);
  store16(record + 1, kDtls10);  // whatever version is wanted (RFC 6347 section 4.2.1)
  store16(record + 5, static_cast<uint16_t>(hello.recordSequence >> 32));
  store32(record + 7, static_cast<uint32_t>(hello.recordSequence));
  store16(record + 11, kMessageHeader + kBody);
  uint8_t* const message = record + kDtlsHeader;
  message[0] = kHelloVerifyRequest;
  store24(message + 1, kBody);
  store24(message + 9, kBody);
  uint8_t* const body = message + kMessageHeader;
  store16(body, kDtls10);
  body[2] = kDtlsCookie;
  std::memcpy(body + 3, cookie.data(), kDtlsCookie);
  return datagram;
}

}  // namespace postern
