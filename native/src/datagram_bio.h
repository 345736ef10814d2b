// What a DTLS engine of OpenSSL sees as its socket: one datagram to read, the datagrams it wrote. A memory BIO would lose
// the borders between datagrams (reference protocol section 15 C).
#pragma once
#include <openssl/bio.h>

#include "bytes.h"

namespace postern {

struct DatagramPort {
  ByteView in;              // read once, whole
  std::vector<Bytes> out;   // in order
  size_t overhead = 28;     // IP and UDP headers of the path
};

// `port` outlives the BIO. nullptr when there is no memory.
BIO* newDatagramBio(DatagramPort& port);

}  // namespace postern
