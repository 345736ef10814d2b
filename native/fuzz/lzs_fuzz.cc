// LZS: anything is decoded within its bounds, and what is encoded is decoded again. Input: the room of the decoder in 64 bytes, then
// the bytes.
#include <algorithm>
#include <cstdlib>

#include "lzs.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  Bytes out(64 * data[0]);
  if (lzs::expand(bytes, out) > out.size()) std::abort();

  static lzs::Table table;
  Bytes coded(bytes.size() * 9 / 8 + 3), again(bytes.size());
  const size_t n = lzs::compress(bytes, coded, table);
  if (n == 0) std::abort();
  if (lzs::expand(ByteView(coded).first(n), again) != bytes.size() || !std::equal(bytes.begin(), bytes.end(), again.begin())) std::abort();
  Bytes tight(bytes.size() - bytes.size() / 4);
  const size_t fits = lzs::compress(bytes, tight, table);
  if (fits != (n <= tight.size() ? n : 0)) std::abort();
  return 0;
}
