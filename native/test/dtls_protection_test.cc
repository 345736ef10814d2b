#include "dtls_protection.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "byte_order.h"
#include "dtls_aead.h"
#include "dtls_pair.h"

using namespace postern;
using test::DtlsPair;
using Opened = DtlsProtection::Opened;

namespace {

const std::map<std::string, DtlsCipher> kSuites = {
    {"PSK-AES256-GCM-SHA384", DtlsCipher::kAes256Gcm},
    {"PSK-AES128-GCM-SHA256", DtlsCipher::kAes128Gcm},
    {"PSK-CHACHA20-POLY1305", DtlsCipher::kChaCha20Poly1305},
    {"AES256-GCM-SHA384", DtlsCipher::kAes256Gcm},
    {"AES128-GCM-SHA256", DtlsCipher::kAes128Gcm},
    {"ECDHE-RSA-AES256-GCM-SHA384", DtlsCipher::kAes256Gcm},
    {"ECDHE-RSA-AES128-GCM-SHA256", DtlsCipher::kAes128Gcm},
    {"DHE-RSA-AES256-GCM-SHA384", DtlsCipher::kAes256Gcm},
};
constexpr DtlsCipher kAead[] = {DtlsCipher::kAes256Gcm, DtlsCipher::kAes128Gcm, DtlsCipher::kChaCha20Poly1305};

struct Secrets {
  Bytes master = Bytes(48), client = Bytes(32), server = Bytes(32);
};

Secrets secretsOf(SSL* ssl) {
  Secrets s;
  REQUIRE(SSL_SESSION_get_master_key(SSL_get_session(ssl), s.master.data(), 48) == 48);
  SSL_get_client_random(ssl, s.client.data(), 32);
  SSL_get_server_random(ssl, s.server.data(), 32);
  return s;
}

// The last record of epoch 1 among datagrams: an end's Finished.
Bytes finishedIn(const std::vector<Bytes>& datagrams) {
  Bytes last;
  for (const Bytes& datagram : datagrams) {
    for (ByteView rest = datagram; const size_t length = dtlsRecordLength(rest); rest = rest.subspan(length)) {
      if (load16(rest.data() + 3) == 1) last.assign(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(length));
    }
  }
  REQUIRE(!last.empty());
  return last;
}

// Both ends of one association without a handshake, under keys that are theirs alone.
struct Ends {
  std::unique_ptr<DtlsProtection> server, client;
};

DtlsKeys someKeys(DtlsCipher cipher) {
  DtlsKeys keys;
  const Bytes master(48, 1), client(32, 2), server(32, 3);
  REQUIRE(deriveDtlsKeys(cipher, master, client, server, keys));
  keys.writeSequence = 1;
  keys.writeNonce = 0xfffffffffffffffe;  // wraps within the test
  return keys;
}

DtlsKeys mirrored(const DtlsKeys& keys) {
  DtlsKeys other = keys;
  std::swap_ranges(other.readKey, other.readKey + 32, other.writeKey);
  std::swap_ranges(other.readIv, other.readIv + 12, other.writeIv);
  return other;
}

Ends ends(DtlsCipher cipher, uint64_t forgeries = 0) {
  const DtlsKeys keys = someKeys(cipher);
  Ends made{createAeadProtection(keys, forgeries), createAeadProtection(mirrored(keys), forgeries)};
  REQUIRE((made.server && made.client));
  return made;
}

Bytes sealed(DtlsProtection& protection, ByteView plain, DtlsContent type = DtlsContent::kData) {
  Bytes record(plain.size() + protection.overhead());
  std::copy(plain.begin(), plain.end(), record.begin() + static_cast<ptrdiff_t>(protection.prefix()));
  record.resize(protection.seal(record.data(), type, plain.size()));
  return record;
}

struct Result {
  Opened how;
  Bytes plain;
  DtlsContent type = DtlsContent::kChangeCipherSpec;
};

// A copy is opened, of exactly its size.
Result opened(DtlsProtection& protection, Bytes record) {
  record.shrink_to_fit();
  Result result{};
  ByteSpan plain;
  result.how = protection.open(record, plain, result.type);
  if (result.how == Opened::kData) result.plain.assign(plain.begin(), plain.end());
  return result;
}

Bytes text(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 31 + size);
  return bytes;
}

}  // namespace

TEST_CASE("records are taken over from OpenSSL and understood by it, in both directions and every suite") {
  for (const auto& known : kSuites) {
    const auto& [suite, cipher] = known;
    CAPTURE(known.first);
    DtlsPair pair(suite);
    const Secrets s = secretsOf(pair.server);
    DtlsKeys keys;
    REQUIRE(deriveDtlsKeys(cipher, s.master, s.client, s.server, keys));
    const Bytes finished = finishedIn(pair.toClient);
    keys.writeSequence = (load64(finished.data() + 3) & 0xffffffffffff) + 16;
    keys.writeNonce = load64(finished.data() + kDtlsHeader) + 16;
    keys.readHighest = load64(finishedIn(pair.toServer).data() + 3) & 0xffffffffffff;
    const auto protection = createAeadProtection(keys);
    REQUIRE(protection);
    CHECK(opened(*protection, finishedIn(pair.toServer)).how == Opened::kReplayed);
    for (const size_t size : {1, 2, 15, 16, 17, 63, 64, 191, 192, 193, 1300, 1401}) {
      CAPTURE(size);
      const Result up = opened(*protection, pair.fromClient(text(size)));
      CHECK(up.how == Opened::kData);
      CHECK(up.type == DtlsContent::kData);
      CHECK(up.plain == text(size));
      CHECK(pair.atClient(sealed(*protection, text(size))) == text(size));
    }
    // Two records in a datagram.
    Bytes two = sealed(*protection, text(40));
    const Bytes second = sealed(*protection, text(41));
    two.insert(two.end(), second.begin(), second.end());
    CHECK(pair.atClient(two) == text(40));
    CHECK(pair.atClient({}) == text(41));
    // The client's close_notify.
    SSL_shutdown(pair.client);
    const Result closing = opened(*protection, pair.clientEnd.out.back());
    CHECK(closing.how == Opened::kData);
    CHECK(closing.type == DtlsContent::kAlert);
    CHECK(closing.plain == Bytes{1, 0});
    // Ours.
    CHECK(pair.atClient(sealed(*protection, Bytes{1, 0}, DtlsContent::kAlert)).empty());
    CHECK((SSL_get_shutdown(pair.client) & SSL_RECEIVED_SHUTDOWN) != 0);
  }
}

TEST_CASE("a change of any bit of a record is noticed, and harms nothing") {
  for (const DtlsCipher cipher : kAead) {
    CAPTURE(static_cast<int>(cipher));
    Ends e = ends(cipher);
    const Bytes record = sealed(*e.client, text(40));
    for (size_t at = 0; at < record.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        Bytes changed = record;
        changed[at] ^= static_cast<uint8_t>(1 << bit);
        const Opened how = opened(*e.server, changed).how;
        CAPTURE(at);
        if (at == 10 && bit == 0) {
          CHECK(how == Opened::kReplayed);  // sequence 0, the Finished
        } else if (at >= kDtlsHeader || (at >= 5 && at < 11)) {
          CHECK(how == Opened::kForged);  // sequence, nonce, text, tag
        } else if (at == 0) {
          CHECK((how == Opened::kForged || how == Opened::kMalformed));  // type
        } else {
          CHECK(how == Opened::kMalformed);  // version, epoch, length
        }
      }
    }
    CHECK(opened(*e.server, record).plain == text(40));
    CHECK(opened(*e.server, record).how == Opened::kReplayed);
  }
}

TEST_CASE("a forged record does not move the window") {
  for (const DtlsCipher cipher : kAead) {
    Ends e = ends(cipher);
    Bytes forged = sealed(*e.client, text(5));
    store64(forged.data() + 3, uint64_t{1} << 48 | 0xfffffffffff0);
    CHECK(opened(*e.server, forged).how == Opened::kForged);
    CHECK(opened(*e.server, sealed(*e.client, text(6))).plain == text(6));
  }
}

TEST_CASE("cut, empty, long and foreign records") {
  for (const DtlsCipher cipher : kAead) {
    CAPTURE(static_cast<int>(cipher));
    Ends e = ends(cipher);
    const Bytes record = sealed(*e.client, text(20));
    for (size_t size = 0; size < record.size(); ++size) {
      Bytes cut(record.begin(), record.begin() + static_cast<ptrdiff_t>(size));
      REQUIRE(opened(*e.server, cut).how == Opened::kMalformed);
      if (size < kDtlsHeader) continue;
      store16(cut.data() + 11, static_cast<uint16_t>(size - kDtlsHeader));
      const Opened how = opened(*e.server, cut).how;
      REQUIRE(how == (size < e.server->overhead() ? Opened::kMalformed : Opened::kForged));
    }
    Bytes longer = record;
    longer.push_back(0);
    CHECK(opened(*e.server, longer).how == Opened::kMalformed);

    const Result empty = opened(*e.server, sealed(*e.client, {}));
    CHECK(empty.how == Opened::kData);
    CHECK(empty.plain.empty());

    const Bytes most = text(AeadProtection::kMaxPlain);
    CHECK(opened(*e.server, sealed(*e.client, most)).plain == most);
    CHECK(sealed(*e.client, text(AeadProtection::kMaxPlain + 1)).empty());
    Bytes tooLong(kDtlsHeader + AeadProtection::kMaxPlain + 1 + e.server->overhead() - kDtlsHeader);
    std::copy_n(record.begin(), kDtlsHeader, tooLong.begin());
    store16(tooLong.data() + 11, static_cast<uint16_t>(tooLong.size() - kDtlsHeader));
    CHECK(opened(*e.server, tooLong).how == Opened::kMalformed);

    for (const uint16_t epoch : {0, 2, 0x101, 0xffff}) {
      Bytes other = record;
      store16(other.data() + 3, epoch);
      CHECK(opened(*e.server, other).how == Opened::kMalformed);
    }
    for (const uint16_t version : {0xfeff, 0x0100, 0x0303, 0xfefc}) {
      Bytes other = record;
      store16(other.data() + 1, version);
      CHECK(opened(*e.server, other).how == Opened::kMalformed);
    }
  }
}

TEST_CASE("records out of order up to the window, and not beyond") {
  for (const DtlsCipher cipher : kAead) {
    Ends e = ends(cipher);
    std::vector<Bytes> records;
    for (size_t i = 0; i < 1100; ++i) records.push_back(sealed(*e.client, text(i % 50 + 1)));
    CHECK(opened(*e.server, records.back()).how == Opened::kData);
    for (size_t i = records.size() - 1; i-- > 0;) {
      const Opened expected = records.size() - 1 - i < ReplayWindow::kSize ? Opened::kData : Opened::kReplayed;
      REQUIRE(opened(*e.server, records[i]).how == expected);
    }
    for (const Bytes& record : records) REQUIRE(opened(*e.server, record).how == Opened::kReplayed);
  }
}

TEST_CASE("what the handshake consumed is a replay, what came before it was never seen") {
  DtlsKeys keys = someKeys(DtlsCipher::kAes128Gcm);
  const auto client = createAeadProtection(mirrored(keys));
  keys.readHighest = 3;
  const auto server = createAeadProtection(keys);
  std::vector<Bytes> records;
  for (size_t i = 1; i <= 4; ++i) records.push_back(sealed(*client, text(i)));
  CHECK(opened(*server, records[2]).how == Opened::kReplayed);
  CHECK(opened(*server, records[0]).plain == text(1));
  CHECK(opened(*server, records[3]).plain == text(4));
}

TEST_CASE("no nonce and no sequence number twice") {
  Ends e = ends(DtlsCipher::kAes256Gcm);
  std::set<uint64_t> nonces, sequences;
  for (int i = 0; i < 1000; ++i) {
    const Bytes record = sealed(*e.server, text(9));
    CHECK(nonces.insert(load64(record.data() + kDtlsHeader)).second);
    CHECK(sequences.insert(load64(record.data() + 3)).second);
    REQUIRE(opened(*e.client, record).how == Opened::kData);
  }
  CHECK(nonces.count(0xfffffffffffffffe) == 1);
  CHECK(*sequences.begin() == (uint64_t{1} << 48 | 1));
}

TEST_CASE("sealing ends before the sequence numbers do, and the association with it") {
  for (const DtlsCipher cipher : kAead) {
    DtlsKeys keys = someKeys(cipher);
    keys.writeSequence = AeadProtection::kLastSequence;
    const auto server = createAeadProtection(keys);
    const auto client = createAeadProtection(mirrored(someKeys(cipher)));
    CHECK(opened(*client, sealed(*server, text(8))).plain == text(8));
    CHECK(sealed(*server, text(8)).empty());
    CHECK(sealed(*server, text(8)).empty());
    CHECK(opened(*server, sealed(*client, text(8))).how == Opened::kExhausted);
  }
}

TEST_CASE("AES-GCM keys wear with the blocks sealed and opened, and go on working; ChaCha20's do not wear") {
  for (const DtlsCipher cipher : kAead) {
    const auto server = createAeadProtection(someKeys(cipher));
    const auto client = createAeadProtection(mirrored(someKeys(cipher)));
    server->setKeyBlocks(30);
    for (int i = 0; i < 20; ++i) CHECK(opened(*client, sealed(*server, text(8))).plain == text(8));
    for (int i = 0; i < 2; ++i) CHECK(opened(*server, sealed(*client, text(8))).plain == text(8));
    CHECK(server->worn() == (cipher != DtlsCipher::kChaCha20Poly1305));
    CHECK(opened(*client, sealed(*server, text(8))).plain == text(8));
  }
}

TEST_CASE("2^36 forgeries end the association") {
  CHECK(AeadProtection::kForgeries == uint64_t{1} << 36);
  for (const DtlsCipher cipher : kAead) {
    Ends e = ends(cipher, AeadProtection::kForgeries - 2);
    Bytes forged = sealed(*e.client, text(8));
    forged.back() ^= 1;
    CHECK(opened(*e.server, forged).how == Opened::kForged);
    const Bytes good = sealed(*e.client, text(8));
    CHECK(opened(*e.server, good).how == Opened::kData);
    CHECK(opened(*e.server, good).how == Opened::kReplayed);  // no forgery
    forged = sealed(*e.client, text(8));
    forged.back() ^= 1;
    CHECK(opened(*e.server, forged).how == Opened::kExhausted);
    CHECK(opened(*e.server, sealed(*e.client, text(8))).how == Opened::kExhausted);
    CHECK(sealed(*e.server, text(8)).empty());
  }
}

TEST_CASE("D08 a record is newer when it opens and none with a higher number has; asking spends nothing but counts forgeries") {
  for (const DtlsCipher cipher : kAead) {
    const Ends e = ends(cipher, AeadProtection::kForgeries - 3);
    const Bytes late = sealed(*e.client, text(8)), seen = sealed(*e.client, text(9)), next = sealed(*e.client, text(10));
    CHECK(opened(*e.server, seen).how == Opened::kData);
    for (const Bytes& record : {late, seen, Bytes(next.begin(), next.end() - 1), Bytes()}) CHECK_FALSE(e.server->newer(record));
    const Bytes before = next;
    CHECK(e.server->newer(next));
    CHECK(e.server->newer(next));
    CHECK(next == before);
    CHECK(opened(*e.server, late).plain == text(8));
    CHECK(opened(*e.server, next).plain == text(10));
    CHECK_FALSE(e.server->newer(next));
    Bytes forged = sealed(*e.client, text(8));
    forged.back() ^= 1;
    for (int i = 0; i < 2; ++i) CHECK_FALSE(e.server->newer(forged));
    CHECK(e.server->newer(sealed(*e.client, text(8))));
    CHECK_FALSE(e.server->newer(forged));
    CHECK(opened(*e.server, sealed(*e.client, text(8))).how == Opened::kExhausted);
  }
}

TEST_CASE("a forgery leaves no error behind for the thread's TLS connections") {
  for (const DtlsCipher cipher : kAead) {
    Ends e = ends(cipher);
    Bytes forged = sealed(*e.client, text(8));
    forged.back() ^= 1;
    ERR_clear_error();
    CHECK(opened(*e.server, forged).how == Opened::kForged);
    CHECK(ERR_peek_error() == 0);
  }
}

TEST_CASE("sizes of a record by suite") {
  CHECK(ends(DtlsCipher::kAes256Gcm).server->overhead() == 37);
  CHECK(ends(DtlsCipher::kAes128Gcm).server->prefix() == 21);
  CHECK(ends(DtlsCipher::kChaCha20Poly1305).server->overhead() == 29);
  CHECK(ends(DtlsCipher::kChaCha20Poly1305).server->prefix() == 13);
}

TEST_CASE("CBC has no AEAD keys") {
  DtlsKeys keys;
  CHECK_FALSE(deriveDtlsKeys(DtlsCipher::kCbc, Bytes(48), Bytes(32), Bytes(32), keys));
  keys.cipher = DtlsCipher::kCbc;
  CHECK(createAeadProtection(keys) == nullptr);
}

TEST_CASE("the length of the record at the front of a datagram") {
  const Bytes header = {23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5, 0, 3};
  Bytes datagram = header;
  for (size_t body = 0; body < 3; ++body, datagram.push_back(0)) CHECK(dtlsRecordLength(datagram) == 0);
  CHECK(dtlsRecordLength(datagram) == 16);
  datagram.push_back(0);
  CHECK(dtlsRecordLength(datagram) == 16);
  for (size_t size = 0; size < header.size(); ++size) CHECK(dtlsRecordLength(ByteView(header).first(size)) == 0);
  for (int type = 0; type < 256; ++type) {
    datagram[0] = static_cast<uint8_t>(type);
    CHECK((dtlsRecordLength(datagram) != 0) == (type >= 20 && type <= 23));
  }
  datagram[0] = 22;
  datagram[2] = 0xff;
  CHECK(dtlsRecordLength(datagram) == 16);  // DTLS 1.0, as of a first flight
  datagram[1] = 3;
  CHECK(dtlsRecordLength(datagram) == 0);
  Bytes empty = header;
  empty[12] = 0;
  CHECK(dtlsRecordLength(empty) == 13);
  Bytes huge(70'000);
  std::copy(header.begin(), header.end(), huge.begin());
  store16(huge.data() + 11, 16384 + 2048);
  CHECK(dtlsRecordLength(huge) == 13 + 16384 + 2048);
  store16(huge.data() + 11, 16384 + 2049);
  CHECK(dtlsRecordLength(huge) == 0);
}
