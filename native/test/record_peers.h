// The record layer against a client that OpenSSL runs, with the bytes between them in the test's hands.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "bytes.h"
#include "cstp_records.h"
#include "tls_pair.h"

namespace postern::test {

struct Suite {
  int version;
  const char* name;
};
inline constexpr Suite kSuites[] = {
    {TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"},
    {TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384"},
    {TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"},
    {TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305"},
};

inline Bytes drainBio(BIO* bio) {
  char* at = nullptr;
  const long n = BIO_get_mem_data(bio, &at);
  Bytes out(at, at + n);
  BIO_reset(bio);
  return out;
}

// Both ends after the handshake, over memory from then on.
struct RecordPeers {
  explicit RecordPeers(const Suite& suite) : pair(connectTls(suite.version, 0, suite.name)) {
    for (SSL* ssl : {pair.client, pair.server}) {
      SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
      BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
    }
  }
  ~RecordPeers() {
    SSL_free(pair.client);
    SSL_free(pair.server);
    ::close(pair.clientFd);
    ::close(pair.serverFd);
  }
  RecordPeers(const RecordPeers&) = delete;
  RecordPeers& operator=(const RecordPeers&) = delete;

  // What one end writes, on the wire.
  static Bytes sealed(SSL* from, const Bytes& plain) {
    check(SSL_write(from, plain.data(), static_cast<int>(plain.size())) == static_cast<int>(plain.size()), "SSL_write");
    return drainBio(SSL_get_wbio(from));
  }
  // What the other reads of it.
  static Bytes opened(SSL* to, const Bytes& wire) {
    BIO_write(SSL_get_rbio(to), wire.data(), static_cast<int>(wire.size()));
    Bytes plain;
    for (uint8_t part[16384];;) {
      const int n = SSL_read(to, part, sizeof part);
      if (n <= 0) return plain;
      plain.insert(plain.end(), part, part + n);
    }
  }
  // A few records both ways, then the server's end is ours.
  void takeOver() {
    for (int i = 0; i < 3; ++i) check(opened(pair.server, sealed(pair.client, Bytes(10))).size() == 10, "client to server");
    Bytes last;
    for (int i = 0; i < 2; ++i) check(opened(pair.client, last = sealed(pair.server, Bytes(10))).size() == 10, "server to client");
    uint64_t nonce = 0;
    for (size_t i = 0; i < 8; ++i) nonce = nonce << 8 | last[5 + i];
    lastNonce = nonce;
    records = CstpRecords::takeOver(pair.server, nonce);
    check(records != nullptr, "take over");
  }

  using Opened = CstpRecords::Opened;
  // The first record of `wire`, taken off it.
  Opened open(Bytes& wire, Bytes& plain) {
    const size_t size = records->recordLength(wire);
    if (size == 0 || size > wire.size()) throw std::runtime_error("no record");
    plain.assign(size, 0);
    size_t length = 0;
    const Bytes record(wire.begin(), wire.begin() + static_cast<ptrdiff_t>(size));  // in a block of its own
    wire.erase(wire.begin(), wire.begin() + static_cast<ptrdiff_t>(size));
    const Opened result = records->open(record, plain.data(), length);
    plain.resize(result == Opened::kData ? length : 0);
    return result;
  }
  Bytes seal(Bytes plain) {
    Bytes wire(plain.size() + CstpRecords::kOverhead);
    const size_t length = plain.size();
    plain.push_back(0);
    wire.resize(records->sealData(plain.data(), length, wire.data()));
    return wire;
  }
  Bytes answer() {
    Bytes wire(CstpRecords::kOverhead + 6);
    wire.resize(records->sealAnswer(wire.data()));
    return wire;
  }
  Bytes alert(CstpRecords::Alert alert) {
    Bytes wire(CstpRecords::kOverhead + 3);
    wire.resize(records->sealAlert(alert, wire.data()));
    return wire;
  }

  TlsPair pair;
  uint64_t lastNonce = 0;
  std::unique_ptr<CstpRecords> records;
};

// A client that may say anything: the keys of the real one, as the server knows them.
class Forger {
 public:
  explicit Forger(const RecordPeers& peers) {
    const RecordSuite suite = *recordSuite(peers.pair.server);
    const TlsSecrets& secrets = *tlsSecrets(peers.pair.server);
    tls13_ = suite.tls13;
    RecordKeys read, write;
    check(tls13_ ? tls13Keys(suite, {secrets.read, secrets.length}, read) : tls12Keys(suite, peers.pair.server, read, write), "keys");
    cipher_ = RecordCipher::create(suite, read, true, secrets.readRecords, uint64_t{1} << 40);
  }
  // Content and inner type; `padding` zeros behind it with TLS 1.3.
  Bytes record(uint8_t type, Bytes plain, size_t padding = 0) {
    if (tls13_) {
      plain.push_back(type);
      plain.resize(plain.size() + padding);
    }
    Bytes wire(cipher_->prefix() + plain.size() + RecordCipher::kTag);
    wire.resize(cipher_->seal(tls13_ ? 23 : type, plain.data(), plain.size(), wire.data()));
    return wire;
  }

 private:
  bool tls13_;
  std::unique_ptr<RecordCipher> cipher_;
};

}  // namespace postern::test
