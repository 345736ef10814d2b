// Whatever comes in front of TLS: the first byte of the input says in which pieces the rest comes. Cut or whole, the
// verdict and what was taken are the same, and a header is never longer than its bound.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "proxy_header.h"

using namespace postern;

namespace {

void check(bool good) {
  if (!good) std::abort();
}

size_t feed(ProxyHeader& parser, ByteView bytes, size_t piece) {
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t length = std::min(piece, bytes.size() - at), taken = parser.take(bytes.subspan(at, length));
    check(taken <= length);
    at += taken;
    if (parser.state() != ProxyHeader::State::kPartial) break;
    check(taken == length);
  }
  return at;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  ProxyHeader whole, cut;
  const size_t taken = feed(whole, bytes, SIZE_MAX);
  check(taken <= ProxyHeader::kMaxBlock);
  const size_t again = feed(cut, bytes, 1u + data[0]);
  check(whole.state() == cut.state() && whole.client().has_value() == cut.client().has_value());
  if (whole.state() == ProxyHeader::State::kDone) check(taken == again);
  if (whole.client()) {
    check(whole.state() == ProxyHeader::State::kDone && std::memcmp(&*whole.client(), &*cut.client(), sizeof(sockaddr_storage)) == 0);
    check(whole.client()->ss_family == AF_INET || whole.client()->ss_family == AF_INET6);
  }
  if (whole.state() != ProxyHeader::State::kPartial) check(whole.take(bytes) == 0);
  return 0;
}
