#include "dtls_ssl_protection.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <utility>

#include "byte_order.h"
#include "dtls_pair.h"

using namespace postern;
using test::DtlsPair;
using Opened = DtlsProtection::Opened;

namespace {

constexpr const char* kSuites[] = {"AES256-SHA", "AES128-SHA", "AES256-SHA256", "AES128-SHA256", "DHE-RSA-AES256-SHA", "DHE-RSA-AES128-SHA",
                                   "DHE-RSA-AES256-SHA256", "DHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES128-SHA256"};

Bytes text(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 31 + size);
  return bytes;
}

struct Gateway {
  explicit Gateway(const char* suite) : pair(suite), protection(createSslProtection(std::exchange(pair.server, nullptr))) { REQUIRE(protection); }

  // Exactly as much room as is promised.
  Bytes seal(ByteView plain, DtlsContent type = DtlsContent::kData) {
    Bytes record(plain.size() + protection->overhead());
    std::copy(plain.begin(), plain.end(), record.begin() + static_cast<ptrdiff_t>(protection->prefix()));
    record.resize(protection->seal(record.data(), type, plain.size()));
    return record;
  }
  Opened open(Bytes record) {
    record.shrink_to_fit();
    ByteSpan span;
    const Opened how = protection->open(record, span, type);
    plain.assign(span.begin(), span.end());
    return how;
  }

  DtlsPair pair;
  std::unique_ptr<DtlsProtection> protection;
  Bytes plain;
  DtlsContent type{};
};

}  // namespace

TEST_CASE("data in both directions, by every CBC suite") {
  for (const char* suite : kSuites) {
    CAPTURE(suite);
    Gateway gateway(suite);
    for (size_t size = 1; size < 40; ++size) {
      const Bytes sealed = gateway.seal(text(size));
      REQUIRE(sealed.size() >= size + kDtlsHeader);
      REQUIRE(dtlsRecordLength(sealed) == sealed.size());
      REQUIRE(gateway.pair.atClient(sealed) == text(size));
    }
    for (const size_t size : {1, 64, 1300, 1400, 16000}) {
      CAPTURE(size);
      REQUIRE(gateway.open(gateway.pair.fromClient(text(size))) == Opened::kData);
      CHECK(gateway.type == DtlsContent::kData);
      CHECK(gateway.plain == text(size));
      CHECK(gateway.pair.atClient(gateway.seal(text(size))) == text(size));
    }
  }
}

TEST_CASE("no record is longer than promised, and some are as long") {
  for (const char* suite : kSuites) {
    CAPTURE(suite);
    Gateway gateway(suite);
    size_t most = 0;
    for (size_t size = 1; size <= 64; ++size) most = std::max(most, gateway.seal(text(size)).size() - size);
    CHECK(most == gateway.protection->overhead());
  }
}

TEST_CASE("a change of any byte is noticed, and harms nothing") {
  for (const char* suite : kSuites) {
    CAPTURE(suite);
    Gateway gateway(suite);
    const Bytes record = gateway.pair.fromClient(text(40));
    std::mt19937 random(3);
    for (size_t at = 0; at < record.size(); ++at) {
      CAPTURE(at);
      Bytes changed = record;
      changed[at] ^= static_cast<uint8_t>(1 << random() % 7 << (at == 10));  // sequence 0 was the Finished
      const Opened how = gateway.open(changed);
      CHECK((how == Opened::kForged || how == Opened::kMalformed));
      if (at >= kDtlsHeader) CHECK(how == Opened::kForged);
    }
    CHECK(gateway.open(record) == Opened::kData);
    CHECK(gateway.plain == text(40));
    CHECK(ERR_peek_error() == 0);
  }
}

TEST_CASE("replays are told from forgeries, within OpenSSL's window of 64") {
  Gateway gateway("AES256-SHA");
  std::vector<Bytes> records;
  for (size_t i = 0; i < 100; ++i) records.push_back(gateway.pair.fromClient(text(i + 1)));
  CHECK(gateway.open(records[99]) == Opened::kData);
  CHECK(gateway.open(records[99]) == Opened::kReplayed);
  CHECK(gateway.open(records[99 - 63]) == Opened::kData);
  CHECK(gateway.plain == text(100 - 63));
  CHECK(gateway.open(records[99 - 63]) == Opened::kReplayed);
  CHECK(gateway.open(records[99 - 64]) == Opened::kReplayed);
}

TEST_CASE("close_notify of either side") {
  Gateway gateway("DHE-RSA-AES256-SHA");
  SSL_shutdown(gateway.pair.client);
  REQUIRE(gateway.pair.clientEnd.out.size() == 1);
  CHECK(gateway.open(gateway.pair.clientEnd.out.back()) == Opened::kData);
  CHECK(gateway.type == DtlsContent::kAlert);
  CHECK(gateway.plain == Bytes{1, 0});

  Gateway other("AES128-SHA");
  CHECK(other.pair.atClient(other.seal(Bytes{1, 0}, DtlsContent::kAlert)).empty());
  CHECK((SSL_get_shutdown(other.pair.client) & SSL_RECEIVED_SHUTDOWN) != 0);
}

TEST_CASE("records that cannot be meant for it") {
  Gateway gateway("AES256-SHA");
  const Bytes record = gateway.pair.fromClient(text(20));
  CHECK(gateway.open({}) == Opened::kMalformed);
  for (size_t size = 0; size < record.size(); ++size) {
    Bytes cut(record.begin(), record.begin() + static_cast<ptrdiff_t>(size));
    REQUIRE(gateway.open(cut) == Opened::kMalformed);
    if (size < kDtlsHeader) continue;
    store16(cut.data() + 11, static_cast<uint16_t>(size - kDtlsHeader));
    REQUIRE(gateway.open(cut) == (size <= gateway.protection->prefix() ? Opened::kMalformed : Opened::kForged));
  }
  for (const uint8_t type : {20, 22}) {
    Bytes other = record;
    other[0] = type;
    CHECK(gateway.open(other) == Opened::kMalformed);
  }
  for (const uint16_t epoch : {0, 2}) {
    Bytes other = record;
    store16(other.data() + 3, epoch);
    CHECK(gateway.open(other) == Opened::kMalformed);
  }
  CHECK(gateway.open(record) == Opened::kData);
  CHECK(gateway.seal({}).empty());
  CHECK(gateway.seal(text(5), DtlsContent::kHandshake).empty());
  CHECK(gateway.pair.atClient(gateway.seal(text(5))) == text(5));
}

TEST_CASE("a client that wants to renegotiate gets nothing, and data goes on") {
  Gateway gateway("AES256-SHA");
  SSL_renegotiate(gateway.pair.client);
  SSL_do_handshake(gateway.pair.client);
  REQUIRE_FALSE(gateway.pair.clientEnd.out.empty());
  CHECK(gateway.open(gateway.pair.clientEnd.out.back()) == Opened::kMalformed);
  CHECK(dtlsRecordLength(gateway.seal(text(30))) > 30);
}

TEST_CASE("an association that never finished its handshake is not taken") {
  SSL_CTX* context = SSL_CTX_new(DTLS_server_method());
  CHECK(createSslProtection(SSL_new(context)) == nullptr);
  CHECK(createSslProtection(nullptr) == nullptr);
  SSL_CTX_free(context);
}

TEST_CASE("nor one that a forged record could end") {
  DtlsPair pair("AES256-SHA");
  SSL_clear_options(pair.server, SSL_OP_NO_ENCRYPT_THEN_MAC);
  CHECK(createSslProtection(std::exchange(pair.server, nullptr)) == nullptr);
}
