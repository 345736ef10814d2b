#include "dtls_ssl_protection.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "byte_order.h"

namespace postern {
namespace {

constexpr size_t kBlock = 16;  // of AES: IV in front, and the most that padding adds
constexpr uint64_t kSslWindow = 64;  // of OpenSSL
constexpr int kAlertReason = 1000;  // SSL_AD_REASON_OFFSET: received alerts as reasons of errors
constexpr uint8_t kWarning = 1, kFatal = 2;

// The one datagram that OpenSSL may read, and the room for the one it writes.
struct Exchange {
  ByteView in;
  ByteSpan room;
  size_t written = 0;
};

int writeDatagram(BIO* bio, const char* bytes, int size) {
  auto& exchange = *static_cast<Exchange*>(BIO_get_data(bio));
  const auto n = static_cast<size_t>(size);
  BIO_clear_retry_flags(bio);
  // What OpenSSL writes on its own while it reads (alerts) is lost, as on the wire.
  if (n <= exchange.room.size()) {
    std::memcpy(exchange.room.data(), bytes, n);
    exchange.room = {};
    exchange.written = n;
  }
  return size;
}

int readDatagram(BIO* bio, char* into, int size) {
  auto& exchange = *static_cast<Exchange*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (exchange.in.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const size_t n = std::min(exchange.in.size(), static_cast<size_t>(size));
  std::memcpy(into, exchange.in.data(), n);
  exchange.in = {};
  return static_cast<int>(n);
}

long control(BIO*, int command, long, void*) {
  constexpr long kUdpOverIpv6 = 48;
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT: return 1;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return kUdpOverIpv6;
    default: return 0;
  }
}

BIO_METHOD* exchangeMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "one datagram");
    if (made == nullptr) return made;
    BIO_meth_set_write(made, writeDatagram);
    BIO_meth_set_read(made, readDatagram);
    BIO_meth_set_ctrl(made, control);
    BIO_meth_set_create(made, [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    return made;
  }();
  return method;
}

size_t macSize(const SSL* ssl) {
  const int digest = SSL_CIPHER_get_digest_nid(SSL_get_current_cipher(ssl));
  const EVP_MD* md = digest == NID_undef ? nullptr : EVP_get_digestbynid(digest);
  return md == nullptr ? kAeadTag : static_cast<size_t>(EVP_MD_get_size(md));
}

class SslProtection final : public DtlsProtection {
 public:
  explicit SslProtection(SSL* ssl) : ssl_(ssl), overhead_(kDtlsHeader + 2 * kBlock + macSize(ssl)) {}
  ~SslProtection() override { SSL_free(ssl_); }
  SslProtection(const SslProtection&) = delete;
  SslProtection& operator=(const SslProtection&) = delete;

  bool attach() {
    BIO* bio = exchangeMethod() == nullptr ? nullptr : BIO_new(exchangeMethod());
    if (bio == nullptr) return false;
    BIO_set_data(bio, &exchange_);
    SSL_set_bio(ssl_, bio, bio);
    return true;
  }

  size_t prefix() const noexcept override { return kDtlsHeader + kBlock; }
  size_t overhead() const noexcept override { return overhead_; }

  size_t seal(uint8_t* record, DtlsContent type, size_t length) noexcept override {
    if (ended_) return 0;
    exchange_ = {{}, {record, length + overhead_}, 0};
    ERR_clear_error();
    if (type == DtlsContent::kAlert) {
      SSL_shutdown(ssl_);
    } else if (type == DtlsContent::kData && length > 0 && SSL_write(ssl_, record + prefix(), static_cast<int>(length)) <= 0) {
      ended_ = true;
    }
    exchange_.room = {};
    ERR_clear_error();
    return exchange_.written;
  }

  Opened open(ByteSpan record, ByteSpan& plain, DtlsContent& type) noexcept override {
    if (ended_) return Opened::kExhausted;
    if (record.size() <= prefix() || dtlsRecordLength(record) != record.size() || load16(record.data() + 1) != kDtls12) return Opened::kMalformed;
    type = static_cast<DtlsContent>(record[0]);
    const uint64_t numbered = load64(record.data() + 3), sequence = numbered & ((uint64_t{1} << 48) - 1);
    if (numbered >> 48 != 1 || (type != DtlsContent::kData && type != DtlsContent::kAlert)) return Opened::kMalformed;
    if (!window_.fresh(sequence) || (sequence < window_.highest() && window_.highest() - sequence >= kSslWindow)) return Opened::kReplayed;
    exchange_ = {record, {}, 0};
    ERR_clear_error();
    // OpenSSL has taken the whole datagram before it writes plaintext over it.
    const int n = SSL_read(ssl_, record.data() + prefix(), static_cast<int>(record.size() - prefix()));
    exchange_.in = {};
    if (n > 0) {
      window_.mark(sequence);
      type = DtlsContent::kData;
      plain = record.subspan(prefix(), static_cast<size_t>(n));
      return Opened::kData;
    }
    return unread(n, record, plain, type);
  }

 private:
  // The client's alert as a plaintext; anything else by what it means for the association.
  Opened unread(int n, ByteSpan record, ByteSpan& plain, DtlsContent& type) noexcept {
    // SSL_get_error() would take the error that a dropped record left behind for one of the connection.
    const bool dropped = SSL_want_read(ssl_) == 1;
    const int why = SSL_get_error(ssl_, n), reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    if (dropped) return Opened::kForged;
    if (why != SSL_ERROR_ZERO_RETURN) ended_ = true;
    const bool alert = why == SSL_ERROR_SSL && reason >= kAlertReason && reason < kAlertReason + 256;
    if (why != SSL_ERROR_ZERO_RETURN && !alert) return Opened::kExhausted;
    plain = record.subspan(prefix(), 2);
    plain[0] = alert ? kFatal : kWarning;
    plain[1] = static_cast<uint8_t>(alert ? reason - kAlertReason : SSL_AD_CLOSE_NOTIFY);
    type = DtlsContent::kAlert;
    return Opened::kData;
  }

  SSL* const ssl_;
  const size_t overhead_;
  Exchange exchange_;
  ReplayWindow window_{0};  // to tell replays from forgeries; OpenSSL drops both without a word
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<DtlsProtection> createSslProtection(SSL* ssl) {
  std::unique_ptr<SSL, decltype(&SSL_free)> owner(ssl, SSL_free);
  const bool fit = ssl != nullptr && (SSL_get_options(ssl) & SSL_OP_NO_ENCRYPT_THEN_MAC) != 0 && SSL_is_init_finished(ssl) == 1 && SSL_version(ssl) == DTLS1_2_VERSION;
  if (!fit) return nullptr;
  auto made = std::make_unique<SslProtection>(ssl);
  owner.release();
  if (!made->attach()) return nullptr;
  // The datagram is whole or not there: there is nothing to try again.
  SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
  return made;
}

}  // namespace postern
