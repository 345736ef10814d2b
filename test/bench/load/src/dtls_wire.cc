#include "dtls_wire.h"

#include <algorithm>
#include <cerrno>

#include "options.h"
#include "record.h"

namespace load {

std::set<int> DropPlan::parse(const std::string& text) {
  std::set<int> numbers;
  if (text.empty()) return numbers;
  for (const std::string& part : split(text, ',')) {
    const auto ends = split(part, '-');
    const int from = int(toNumber(ends[0])), to = int(toNumber(ends.back()));
    for (int i = from; i <= to; ++i) numbers.insert(i);
  }
  return numbers;
}

long DtlsWire::write(const uint8_t* bytes, size_t length) {
  for (size_t at = 0; at + kRecordHeader <= length;) {
    const uint8_t* const record = bytes + at;
    const size_t body = get16(record + 11);
    if (get16(record + 3) == 1) {
      const uint64_t sequence = get48(record + 5);
      highestSequence = wroteProtected ? std::max(highestSequence, sequence) : sequence;
      wroteProtected = true;
      if (body >= 8) lastNonce = get64(record + kRecordHeader);
    }
    at += kRecordHeader + body;
  }
  ++sent;
  if (plan_.out.count(sent)) {
    ++droppedOut;
    return long(length);
  }
  return ::send(socket_.fd(), bytes, length, MSG_NOSIGNAL);
}

long DtlsWire::read(uint8_t* bytes, size_t room) {
  if (!injected_.empty()) {
    const size_t length = std::min(room, injected_.size());
    std::memcpy(bytes, injected_.data(), length);
    injected_.clear();
    return long(length);
  }
  for (;;) {
    const long n = ::recv(socket_.fd(), bytes, room, MSG_DONTWAIT);
    if (n < 0) return n;
    ++received;
    if (plan_.in.count(received)) {
      ++droppedIn;
      continue;
    }
    if (size_t(n) > kRecordHeader && bytes[0] == kHandshake && bytes[kRecordHeader] == 3 && get16(bytes + 3) == 0) helloVerified = true;
    return n;
  }
}

namespace {

int bioWrite(BIO* bio, const char* bytes, int length) {
  BIO_clear_retry_flags(bio);
  const long n = static_cast<DtlsWire*>(BIO_get_data(bio))->write(reinterpret_cast<const uint8_t*>(bytes), size_t(length));
  // A full socket or a refused port loses a datagram; the handshake's timer repeats it.
  return n < 0 ? length : int(n);
}

int bioRead(BIO* bio, char* bytes, int room) {
  BIO_clear_retry_flags(bio);
  const long n = static_cast<DtlsWire*>(BIO_get_data(bio))->read(reinterpret_cast<uint8_t*>(bytes), size_t(room));
  if (n < 0) BIO_set_retry_read(bio);
  return int(n);
}

long bioControl(BIO*, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
      return 1;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
      return 48;
    default:
      return 0;
  }
}

}  // namespace

BIO* DtlsWire::bio() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "load datagrams");
    BIO_meth_set_write(made, bioWrite);
    BIO_meth_set_read(made, bioRead);
    BIO_meth_set_ctrl(made, bioControl);
    return made;
  }();
  BIO* const bio = BIO_new(method);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace load
