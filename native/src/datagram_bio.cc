#include "datagram_bio.h"

#include <algorithm>
#include <cstring>

namespace postern {
namespace {

DatagramPort& portOf(BIO* bio) { return *static_cast<DatagramPort*>(BIO_get_data(bio)); }

int writeDatagram(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  portOf(bio).out.emplace_back(bytes, bytes + size);
  return size;
}

int readDatagram(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  ByteView& in = portOf(bio).in;
  if (in.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const int n = std::min(size, static_cast<int>(in.size()));
  std::memcpy(into, in.data(), static_cast<size_t>(n));
  in = {};
  return n;
}

long control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT: return 1;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return static_cast<long>(portOf(bio).overhead);
    default: return 0;
  }
}

BIO_METHOD* makeMethod() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");
  if (method == nullptr) return nullptr;
  BIO_meth_set_write(method, writeDatagram);
  BIO_meth_set_read(method, readDatagram);
  BIO_meth_set_ctrl(method, control);
  return method;
}

}  // namespace

BIO* newDatagramBio(DatagramPort& port) {
  static BIO_METHOD* const method = makeMethod();
  BIO* bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &port);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace postern
