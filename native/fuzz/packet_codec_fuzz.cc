// The codecs as a tunnel uses them: anything is expanded within its bounds, and a stream of packets comes out as it went in. Input: the
// codec and the MTU, then packets behind a length of two octets each.
#include <cstdlib>

#include "byte_order.h"
#include "packet_codec.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  static CodecScratch scratch;
  const auto codec = static_cast<Codec>(1 + data[0] % 3);
  const size_t mtu = 64 * data[1];
  PacketCodec sender(codec, mtu, scratch), receiver(codec, mtu, scratch), stranger(codec, mtu, scratch);
  for (ByteView rest(data + 2, size - 2); rest.size() > 2;) {
    const size_t length = std::min<size_t>(load16(rest.data()), rest.size() - 2);
    const Bytes packet(rest.begin() + 2, rest.begin() + 2 + static_cast<ptrdiff_t>(length));
    rest = rest.subspan(2 + length);
    Bytes out(receiver.limit());
    if (stranger.expand(packet, out) > out.size()) std::abort();
    const ByteSpan coded = sender.compress(packet);
    if (coded.empty()) continue;
    const size_t n = receiver.expand(Bytes(coded.begin(), coded.end()), out);
    if (packet.size() > out.size()) return n == 0 ? 0 : (std::abort(), 0);
    if (n != packet.size() || !std::equal(packet.begin(), packet.end(), out.begin())) std::abort();
  }
  return 0;
}
