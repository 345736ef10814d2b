// The record layer against a client that holds the keys. Input: one octet chooses the suite, then pieces: one octet of
// kind (0: bytes as they are, 1: a record sealed properly, 2: the same with one octet changed), one octet of inner type, two
// of length, that many bytes. Whatever comes, no data is made of what nobody sealed, and nothing goes on behind a failure.
#include <algorithm>
#include <cstdlib>
#include <deque>

#include "../test/record_peers.h"

using namespace postern;

namespace {

test::RecordPeers& peersOf(uint8_t choice) {
  static test::RecordPeers* made[std::size(test::kSuites)];  // OpenSSL is gone before what is destroyed at the end
  auto*& peers = made[choice % std::size(made)];
  if (peers == nullptr) peers = new test::RecordPeers(test::kSuites[choice % std::size(made)]);
  return *peers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  test::RecordPeers& peers = peersOf(*data);
  const auto records = CstpRecords::takeOver(peers.pair.server, 1);
  if (records == nullptr) std::abort();
  test::Forger forger(peers);
  ByteView input(data + 1, size - 1);
  Bytes wire;
  std::deque<Bytes> sealed;  // data whose records are on the wire, in order
  bool sound = true;         // all of it, so far
  while (input.size() >= 4) {
    const uint8_t kind = input[0] % 3;
    uint8_t type = input[1];
    const size_t length = std::min<size_t>(input.size() - 4, size_t{input[2]} << 8 | input[3]);
    const ByteView piece = input.subspan(4, length);
    input = input.subspan(4 + length);
    Bytes bytes(piece.begin(), piece.end());
    // Inner type 0 is padding: what stands before it would be the type.
    if (type == 0 && std::any_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b != 0; })) type = 1;
    if (kind != 0) {
      if (type == 23 && kind == 1 && sound && length != 0) sealed.push_back(bytes);
      bytes = forger.record(type, std::move(bytes), kind == 1 ? 0 : 3);
    }
    if (kind == 2) bytes[5 + type % (bytes.size() - 5)] ^= 1;
    const bool update = type == 22 && !piece.empty() && piece[0] == 24;  // other keys, but not for the forger
    sound = sound && (kind == 0 ? bytes.empty() : kind == 1 && !update);
    wire.insert(wire.end(), bytes.begin(), bytes.end());
  }

  for (ByteView rest = wire; !rest.empty();) {
    const size_t length = records->recordLength(rest);
    if (length == 0 || length > rest.size()) break;
    const Bytes record(rest.begin(), rest.begin() + static_cast<ptrdiff_t>(length));
    rest = rest.subspan(length);
    Bytes plain(length);
    size_t n = 0;
    const CstpRecords::Opened opened = records->open(record, plain.data(), n);
    if (opened == CstpRecords::Opened::kData) {
      if (n == 0 || n > CstpRecords::kMaxPlain) std::abort();
      plain.resize(n);
      if (sealed.empty() || sealed.front() != plain) std::abort();
      sealed.pop_front();
    }
    uint8_t out[CstpRecords::kOverhead + 6];
    if (opened == CstpRecords::Opened::kAnswer && records->sealAnswer(out) == 0) std::abort();
    if (opened != CstpRecords::Opened::kData && opened != CstpRecords::Opened::kNothing && opened != CstpRecords::Opened::kUpdated && opened != CstpRecords::Opened::kAnswer) break;
  }
  return 0;
}
