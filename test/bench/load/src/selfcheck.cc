// `selfcheck`: the generator's own judgement over paths that damage. Records, inner packets and numbered contents pass a
// fault in memory; each fault must be noticed, and a clean path must not be.
#include "commands.h"
#include "dialogue.h"
#include "fault.h"
#include "flow.h"
#include "inner.h"
#include "json.h"
#include "record.h"
#include "tcp_segments.h"

namespace load {
namespace {

constexpr int kPackets = 1000;

struct Notes {
  uint64_t forged = 0, damaged = 0, corrupt = 0, duplicates = 0, reordered = 0, missing = 0, received = 0;
  Json json() const {
    return Json().add("received", received).add("forged", forged).add("damaged", damaged).add("corrupt", corrupt).add("duplicates", duplicates).add("reordered", reordered).add("missing", missing);
  }
};

Keys keysFor(const char* name) {
  const SslContext context(SSL_CTX_new(DTLS_client_method()));
  const Ssl ssl(SSL_new(context.get()));
  if (SSL_set_cipher_list(ssl.get(), (std::string(name) + ":@SECLEVEL=0").c_str()) != 1) throw Failure(std::string("no suite ") + name);
  const auto* const list = SSL_get_ciphers(ssl.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(list); ++i)
    if (const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(list, i); std::strcmp(SSL_CIPHER_get_name(cipher), name) == 0) {
      const Suite suite = suiteOf(cipher);
      const Bytes master(48, 1), client(32, 2), server(32, 3);
      return deriveKeys(suite, master, client, server, true);
    }
  throw Failure(std::string("no suite ") + name);
}

// `records`: the fault hits sealed records. `contents`: it hits payloads before they are packed, checksums and all.
// `packets`: inner packets behind their checksum.
Notes pass(const char* suite, const std::string& where, const std::string& text) {
  Keys keys = keysFor(suite);
  Fault fault(text);
  Notes notes;
  Seen seen;
  Tally tally;
  const Address from = Address::parse("10.66.0.2"), to = Address::parse("10.88.0.2");
  const auto receive = [&](View datagram) {
    Bytes record(datagram.begin(), datagram.end());
    uint8_t* plain = nullptr;
    size_t length = 0;
    if (!keys.read->open(record.data(), record.size(), plain, length)) {
      ++notes.forged;
      return;
    }
    seen.take(get48(&record[5]));
    const auto packet = parsePacket(View(plain + 1, length - 1));
    if (!packet) {
      ++notes.damaged;
      return;
    }
    tally.take(packet->payload.subspan(8));
  };
  uint64_t sequence = 1;
  const auto seal = [&](View packet) {
    Bytes record(packet.size() + 1 + keys.write->overhead());
    record[keys.write->prefix()] = 0;
    std::memcpy(&record[keys.write->prefix() + 1], packet.data(), packet.size());
    record.resize(keys.write->seal(record.data(), kApplicationData, sequence++, packet.size() + 1));
    if (where == "records") fault.pass(record, receive);
    else receive(record);
  };
  const auto pack = [&](View payload) {
    const Bytes packet = udpPacket(from, to, 7099, 7100, payload);
    if (where == "packets") fault.pass(packet, seal);
    else seal(packet);
  };
  for (int i = 0; i < kPackets; ++i) {
    uint8_t payload[200];
    writeFlow(payload, sizeof payload, kFlowData, 7, uint64_t(i), 0);
    if (where == "contents") fault.pass(payload, pack);
    else pack(payload);
  }
  notes.corrupt = tally.corrupt;
  notes.received = tally.seen.count();
  notes.duplicates = seen.duplicates() + tally.seen.duplicates();
  notes.reordered = seen.reordered() + tally.seen.reordered();
  notes.missing = uint64_t(kPackets) - tally.seen.count();
  return notes;
}

// A super-packet cut and merged again is what it was, and each piece is whole.
bool cutAndMerge(const char* source, const char* target) {
  const Address from = Address::parse(source), to = Address::parse(target);
  const size_t ip = ipHeader(from.length), head = ip + 32, payload = 10'000;
  Bytes super(head + payload), original;
  writeIp(super.data(), from, to, kProtocolTcp, super.size() - ip);
  uint8_t* const tcp = super.data() + ip;
  put16(tcp, 1000), put16(tcp + 2, 2000), put32(tcp + 4, 0xfffffff0), put32(tcp + 8, 77);
  tcp[12] = 0x80, tcp[13] = 0x18;
  for (size_t i = 0; i < payload; ++i) super[head + i] = uint8_t(i * 7);
  original = super;
  VirtioHeader header{kNeedsChecksum, from.length == 4 ? kGsoTcp4 : kGsoTcp6, uint16_t(head), 1300, uint16_t(ip), 16};
  const Cut cut(header, super.data(), super.size());
  if (cut.count() != 8) return false;
  std::vector<Bytes> pieces;
  Merge merge;
  for (size_t i = 0; i < cut.count(); ++i) {
    pieces.emplace_back(cut.size(i));
    cut.write(i, pieces.back().data());
    if (!parsePacket(pieces.back())) return false;
  }
  for (Bytes& piece : pieces)
    if (!merge.add(piece.data(), piece.size())) return false;
  Bytes whole;
  const auto& parts = merge.finish();
  for (size_t i = 1; i < parts.size(); ++i) whole.insert(whole.end(), static_cast<uint8_t*>(parts[i].iov_base), static_cast<uint8_t*>(parts[i].iov_base) + parts[i].iov_len);
  // The header's checksums are the device's affair.
  for (Bytes* each : {&whole, &original}) put16(each->data() + ip + 16, 0), from.length == 4 ? put16(each->data() + 10, 0) : void();
  return whole == original;
}

}  // namespace

int runSelfcheck(const Options&) {
  const char* const suites[] = {"PSK-AES256-GCM-SHA384", "PSK-AES128-GCM-SHA256", "PSK-CHACHA20-POLY1305", "DHE-RSA-AES256-SHA", "ECDHE-RSA-AES256-SHA384", "AES128-SHA256"};
  Json result;
  for (const char* suite : suites) {
    Json json;
    json.add("clean", pass(suite, "records", "").json());
    for (const char* where : {"records", "packets", "contents"})
      for (const char* fault : {"flip:100", "drop:100", "twice:100", "swap:100"}) json.add(std::string(where) + ' ' + fault, pass(suite, where, fault).json());
    result.add(suite, json);
  }
  result.add("merge4", cutAndMerge("10.66.0.2", "10.88.0.2")).add("merge6", cutAndMerge("fd66::2", "fd88::2"));
  result.print();
  return 0;
}

}  // namespace load
