// The record layer that takes over from an SSL, against OpenSSL's own client.
#include "record_peers.h"

#include <doctest/doctest.h>

#include "packets.h"

using namespace postern;
using namespace postern::test;
using Opened = CstpRecords::Opened;

namespace {

void exchange(RecordPeers& peers, size_t length, uint8_t seed) {
  const Bytes plain = payload(length, seed);
  Bytes wire = RecordPeers::sealed(peers.pair.client, plain), got;
  Opened opened = peers.open(wire, got);
  if (opened == Opened::kUpdated) opened = peers.open(wire, got);
  REQUIRE(opened == Opened::kData);
  REQUIRE(got == plain);
  REQUIRE(wire.empty());
  REQUIRE(RecordPeers::opened(peers.pair.client, peers.seal(plain)) == plain);
}

// What the client makes of the gateway's last word.
int clientError(RecordPeers& peers, const Bytes& wire) {
  BIO_write(SSL_get_rbio(peers.pair.client), wire.data(), static_cast<int>(wire.size()));
  uint8_t byte;
  ERR_clear_error();
  const int n = SSL_read(peers.pair.client, &byte, 1);
  return SSL_get_error(peers.pair.client, n);
}

}  // namespace

TEST_CASE("every suite: records of all sizes go both ways after the take-over, many of them") {
  for (const Suite& suite : kSuites) {
    INFO(std::string(suite.name));
    RecordPeers peers(suite);
    peers.takeOver();
    for (const size_t length : {1, 2, 15, 16, 17, 63, 64, 1400, 16383, 16384}) exchange(peers, length, 7);
    for (uint8_t i = 0; i < 200; ++i) exchange(peers, 1400, i);
  }
}

TEST_CASE("a record sealed in place is the record sealed elsewhere, and its spare octet is not on the wire twice") {
  for (const Suite& suite : kSuites) {
    RecordPeers peers(suite);
    peers.takeOver();
    const Bytes plain = payload(777);
    Bytes wire(plain.size() + CstpRecords::kOverhead);
    std::copy(plain.begin(), plain.end(), wire.begin() + static_cast<ptrdiff_t>(peers.records->prefix()));
    wire.resize(peers.records->sealData(wire.data() + peers.records->prefix(), plain.size(), wire.data()));
    CHECK(RecordPeers::opened(peers.pair.client, wire) == plain);
  }
}

TEST_CASE("TLS 1.2 with GCM: explicit nonces go on behind the last one of OpenSSL, and never repeat") {
  RecordPeers peers(kSuites[3]);
  peers.takeOver();
  for (uint64_t i = 1; i <= 100; ++i) {
    const Bytes wire = peers.seal(Bytes(5));
    uint64_t nonce = 0;
    for (size_t b = 0; b < 8; ++b) nonce = nonce << 8 | wire[5 + b];
    REQUIRE(nonce == peers.lastNonce + i);
  }
  CHECK(CstpRecords::takeOver(peers.pair.server, std::nullopt) == nullptr);
}

TEST_CASE("connections that the record layer does not speak, or does not know enough of, stay with their SSL") {
  for (const bool watched : {false, true}) {
    const TlsPair pair = watched ? connectTls(TLS1_2_VERSION, 0, "ECDHE-ECDSA-AES128-SHA256") : connectTls(TLS1_3_VERSION, 0, nullptr, false);
    CHECK(CstpRecords::takeOver(pair.server, 1) == nullptr);
    for (SSL* ssl : {pair.client, pair.server}) SSL_free(ssl);
    for (const int fd : {pair.clientFd, pair.serverFd}) ::close(fd);
  }

  for (const bool byServer : {false, true}) {
    RecordPeers peers(kSuites[1]);
    SSL* const from = byServer ? peers.pair.server : peers.pair.client;
    SSL* const to = byServer ? peers.pair.client : peers.pair.server;
    CHECK(CstpRecords::takeOver(peers.pair.server, 1) != nullptr);
    REQUIRE(SSL_key_update(from, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    REQUIRE(RecordPeers::opened(to, RecordPeers::sealed(from, Bytes(3))).size() == 3);
    CHECK(CstpRecords::takeOver(peers.pair.server, 1) == nullptr);
  }
}

TEST_CASE("KeyUpdates of the client are followed, and answered where it asks") {
  for (const Suite& suite : kSuites) {
    if (suite.version != TLS1_3_VERSION) continue;
    RecordPeers peers(suite);
    peers.takeOver();
    for (int i = 0; i < 500; ++i) {
      const bool asks = i % 3 != 0;
      REQUIRE(SSL_key_update(peers.pair.client, asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
      REQUIRE(SSL_do_handshake(peers.pair.client) == 1);
      Bytes wire = drainBio(SSL_get_wbio(peers.pair.client)), none;
      REQUIRE(peers.open(wire, none) == (asks ? Opened::kAnswer : Opened::kUpdated));
      REQUIRE(wire.empty());
      if (asks) REQUIRE(RecordPeers::opened(peers.pair.client, peers.answer()).empty());
      if (i % 5 == 0) exchange(peers, 100, static_cast<uint8_t>(i));
    }
  }
}

TEST_CASE("D11 a client whose key is worn is asked for another, once") {
  RecordPeers peers(kSuites[0]);
  peers.takeOver();
  for (uint8_t i = 0; i < 20; ++i) exchange(peers, 100, i);
  peers.records->setKeyRecords(15);
  REQUIRE(peers.records->keyWorn());
  Bytes update(CstpRecords::kOverhead + 6), got;
  update.resize(peers.records->sealKeyUpdate(update.data()));
  CHECK_FALSE(peers.records->keyWorn());
  CHECK(RecordPeers::opened(peers.pair.client, update).empty());
  Bytes wire = RecordPeers::sealed(peers.pair.client, payload(60));
  CHECK(peers.open(wire, got) == Opened::kUpdated);
  CHECK(peers.open(wire, got) == Opened::kData);
  for (uint8_t i = 0; i < 10; ++i) exchange(peers, 100, i);
}

TEST_CASE("the keys of TLS 1.2 wear with the blocks that they have sealed and opened, AES-GCM's alone") {
  for (const Suite& suite : kSuites) {
    RecordPeers peers(suite);
    peers.takeOver();
    peers.records->setKeyBlocks(20 * (1600 / 16 + 2));
    for (uint8_t i = 0; i < 9; ++i) exchange(peers, 1600, i);
    CHECK_FALSE(peers.records->worn());
    for (uint8_t i = 0; i < 2; ++i) exchange(peers, 1600, i);
    CHECK(peers.records->worn() == (suite.version == TLS1_2_VERSION && std::string(suite.name).find("GCM") != std::string::npos));
  }
}

TEST_CASE("a worn key of ours is changed, with AES-GCM of TLS 1.3 only") {
  for (const Suite& suite : kSuites) {
    RecordPeers peers(suite);
    peers.takeOver();
    const uint64_t before = tlsSecrets(peers.pair.server)->writeRecords;
    peers.records->setKeyRecords(before + 10);
    int worn = 0;
    for (uint8_t i = 0; i < 50; ++i) {
      if (peers.records->keyWorn()) {
        Bytes wire(CstpRecords::kOverhead + 6);
        wire.resize(peers.records->sealKeyUpdate(wire.data()));
        REQUIRE(RecordPeers::opened(peers.pair.client, wire).empty());
        CHECK_FALSE(peers.records->keyWorn());
        ++worn;
      }
      exchange(peers, 100, i);
    }
    const bool wears = suite.version == TLS1_3_VERSION && std::string(suite.name).find("GCM") != std::string::npos;
    CHECK(worn == (wears ? static_cast<int>((50 - 10) / (before + 10)) + 1 : 0));
  }
}

TEST_CASE("one changed bit anywhere in a record: no data, and an alert for it") {
  for (const Suite& suite : kSuites) {
    RecordPeers peers(suite);
    peers.takeOver();
    const Bytes wire = RecordPeers::sealed(peers.pair.client, payload(60));
    for (size_t at = 0; at < wire.size() * 8; ++at) {
      Bytes bad = wire;
      bad[at / 8] ^= static_cast<uint8_t>(1 << at % 8);
      auto fresh = CstpRecords::takeOver(peers.pair.server, 1);
      const size_t size = fresh->recordLength(bad);
      REQUIRE(size != 0);
      if (size > CstpRecords::kMaxRecord || size > bad.size()) continue;  // refused at its header, or waits for more
      Bytes plain(size);
      size_t length = 0;
      REQUIRE(fresh->open(ByteView(bad).first(size), plain.data(), length) == Opened::kBroken);
      REQUIRE(fresh->broken() == CstpRecords::kBadRecordMac);
    }
  }
}

TEST_CASE("headers: what is not whole waits, what cannot be a record is refused") {
  for (const Suite& suite : kSuites) {
    const bool tls13 = suite.version == TLS1_3_VERSION;
    RecordPeers peers(suite);
    peers.takeOver();
    const CstpRecords& records = *peers.records;
    for (size_t n = 0; n < 5; ++n) CHECK(records.recordLength(Bytes(n, 0xff)) == 0);
    CHECK(records.recordLength(Bytes{23, 3, 3, 0x41, 0x00}) == 5 + 16384 + 256);
    for (const Bytes& bad : {Bytes{23, 3, 3, 0x41, 0x01}, Bytes{23, 3, 3, 0xff, 0xff}, Bytes{23, 3, 3, 0, 15}, Bytes{23, 3, 3, 0, 0}, Bytes{23, 3, 1, 1, 0},
                             Bytes{20, 3, 3, 0, 1}, Bytes{20, 3, 3, 1, 0}, Bytes{24, 3, 3, 1, 0}, Bytes{0, 3, 3, 1, 0}, Bytes{128, 3, 3, 1, 0}}) {
      CHECK(records.recordLength(bad) == CstpRecords::kMaxRecord + 1);
    }
    for (const uint8_t type : {21, 22}) CHECK((records.recordLength(Bytes{type, 3, 3, 1, 0}) > CstpRecords::kMaxRecord) == tls13);
  }
}

TEST_CASE("alerts of the client: close_notify is an end, warnings pass, all else is a failure") {
  for (const Suite& suite : kSuites) {
    const bool tls13 = suite.version == TLS1_3_VERSION;
    struct Row {
      Bytes alert;
      Opened expected;
    };
    for (const Row& row : {Row{{1, 0}, Opened::kClosed}, Row{{2, 0}, Opened::kClosed}, Row{{1, 90}, Opened::kNothing}, Row{{2, 20}, Opened::kPeerFailed},
                           Row{{1, 100}, tls13 ? Opened::kPeerFailed : Opened::kNothing}, Row{{1}, Opened::kBroken}, Row{{1, 0, 0}, Opened::kBroken},
                           Row{{}, Opened::kBroken}}) {
      RecordPeers peers(suite);
      peers.takeOver();
      Bytes wire = Forger(peers).record(21, row.alert), none;
      CHECK(peers.open(wire, none) == row.expected);
    }
    RecordPeers peers(suite);
    peers.takeOver();
    SSL_shutdown(peers.pair.client);
    Bytes wire = drainBio(SSL_get_wbio(peers.pair.client)), none;
    CHECK(peers.open(wire, none) == Opened::kClosed);
  }
}

TEST_CASE("our alerts: close_notify and fatal ones are understood") {
  for (const Suite& suite : kSuites) {
    RecordPeers closed(suite), failed(suite);
    closed.takeOver();
    failed.takeOver();
    CHECK(clientError(closed, closed.alert(CstpRecords::kCloseNotify)) == SSL_ERROR_ZERO_RETURN);
    CHECK(clientError(failed, failed.alert(CstpRecords::kBadRecordMac)) == SSL_ERROR_SSL);
    CHECK(ERR_GET_REASON(ERR_get_error()) == SSL_AD_REASON_OFFSET + CstpRecords::kBadRecordMac);
    ERR_clear_error();
  }
}

TEST_CASE("TLS 1.3: what stands inside a record, and what may not") {
  struct Row {
    uint8_t type;
    Bytes plain;
    size_t padding;
    Opened expected;
    CstpRecords::Alert alert;
  };
  const Bytes update{24, 0, 0, 1, 0}, asks{24, 0, 0, 1, 1};
  Bytes two = update;
  two.insert(two.end(), update.begin(), update.end());
  for (const Row& row : {
           Row{23, {1}, 0, Opened::kData, {}},
           Row{23, {1, 0, 0}, 300, Opened::kData, {}},
           Row{23, {}, 0, Opened::kNothing, {}},
           Row{23, {}, 16384, Opened::kNothing, {}},
           Row{23, payload(16384), 255 - 16, Opened::kData, {}},
           Row{23, payload(16385), 0, Opened::kBroken, CstpRecords::kRecordOverflow},
           Row{0, {}, 0, Opened::kBroken, CstpRecords::kUnexpectedMessage},
           Row{0, Bytes(500), 500, Opened::kBroken, CstpRecords::kUnexpectedMessage},
           Row{20, {1}, 0, Opened::kBroken, CstpRecords::kUnexpectedMessage},
           Row{24, {1}, 0, Opened::kBroken, CstpRecords::kUnexpectedMessage},
           Row{22, {}, 0, Opened::kBroken, CstpRecords::kUnexpectedMessage},
           Row{22, {4, 0, 0, 0}, 0, Opened::kBroken, CstpRecords::kUnexpectedMessage},
           Row{22, {1, 0, 0, 0}, 0, Opened::kBroken, CstpRecords::kUnexpectedMessage},
           Row{22, {24}, 0, Opened::kBroken, CstpRecords::kDecodeError},
           Row{22, {24, 0, 0, 1}, 0, Opened::kBroken, CstpRecords::kDecodeError},
           Row{22, {24, 0, 0, 2, 0, 0}, 0, Opened::kBroken, CstpRecords::kDecodeError},
           Row{22, {24, 0, 0, 0, 0}, 0, Opened::kBroken, CstpRecords::kDecodeError},
           Row{22, two, 0, Opened::kBroken, CstpRecords::kDecodeError},
           Row{22, {24, 0, 0, 1, 2}, 0, Opened::kBroken, CstpRecords::kIllegalParameter},
           Row{22, update, 0, Opened::kUpdated, {}},
           Row{22, asks, 7, Opened::kAnswer, {}},
       }) {
    RecordPeers peers(kSuites[0]);
    peers.takeOver();
    Bytes wire = Forger(peers).record(row.type, row.plain, row.padding), got;
    INFO("type ", int(row.type), ", ", row.plain.size(), " octets, padding ", row.padding);
    REQUIRE(peers.open(wire, got) == row.expected);
    if (row.expected == Opened::kBroken) CHECK(peers.records->broken() == row.alert);
    if (row.expected == Opened::kData) CHECK(got == row.plain);
  }
}

TEST_CASE("TLS 1.2: an empty record, a renegotiation, and what else is no data") {
  struct Row {
    uint8_t type;
    Bytes plain;
    Opened expected;
    CstpRecords::Alert alert;
  };
  for (size_t s = 3; s < std::size(kSuites); ++s) {
    for (const Row& row : {Row{23, {}, Opened::kNothing, {}}, Row{22, {1, 0, 0, 0}, Opened::kAnswer, {}}, Row{22, {}, Opened::kBroken, CstpRecords::kUnexpectedMessage},
                           Row{22, {20, 0, 0, 0}, Opened::kBroken, CstpRecords::kUnexpectedMessage},
                           Row{23, payload(16385), Opened::kBroken, CstpRecords::kRecordOverflow}}) {
      RecordPeers peers(kSuites[s]);
      peers.takeOver();
      Bytes wire = Forger(peers).record(row.type, row.plain), got;
      REQUIRE(peers.open(wire, got) == row.expected);
      if (row.expected == Opened::kBroken) CHECK(peers.records->broken() == row.alert);
    }
    // A client that would like to renegotiate is told, and goes on.
    RecordPeers peers(kSuites[s]);
    peers.takeOver();
    SSL_renegotiate(peers.pair.client);
    SSL_do_handshake(peers.pair.client);
    ERR_clear_error();
    Bytes wire = drainBio(SSL_get_wbio(peers.pair.client)), none;
    REQUIRE(peers.open(wire, none) == Opened::kAnswer);
    CHECK(clientError(peers, peers.answer()) == SSL_ERROR_SSL);
    CHECK(ERR_GET_REASON(ERR_get_error()) == SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
  }
}
