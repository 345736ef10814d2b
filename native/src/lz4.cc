#include "lz4.h"

#include <algorithm>

#include "match_length.h"

namespace postern::lz4 {
namespace {

uint32_t load(const uint8_t* at) noexcept {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Bytes that a length of `n` takes behind its four bits.
constexpr size_t extra(size_t n) noexcept { return n < 15 ? 0 : (n - 15) / 255 + 1; }

uint8_t* putExtra(uint8_t* at, size_t n) noexcept {
  if (n < 15) return at;
  for (n -= 15; n >= 255; n -= 255) *at++ = 255;
  *at++ = static_cast<uint8_t>(n);
  return at;
}

// What follows four bits that say 15. False at the end of the input.
bool takeExtra(const uint8_t*& at, const uint8_t* end, size_t& n) noexcept {
  if (n != 15) return true;
  for (;;) {
    if (at == end) return false;
    n += *at;
    if (*at++ != 255) return true;
  }
}

}  // namespace

size_t compress(ByteView in, ByteSpan out, Table& table) noexcept {
  if (in.size() > kLongest) return 0;
  // Always all of it: what another packet left there would show in the length of this one.
  std::fill(std::begin(table.places), std::end(table.places), 0);
  const uint8_t* const data = in.data();
  const uint8_t* const end = data + in.size();
  uint8_t* to = out.data();
  const auto room = [&] { return static_cast<size_t>(out.data() + out.size() - to); };

  size_t literals = 0;  // where those that are not written yet begin
  // The first bytes are nobody's repetition: a place of 0 is as good as none.
  for (size_t at = 1, misses = 0; at + kMatchLimit <= in.size();) {
    uint16_t& place = table.places[load(data + at) * 2654435761u >> (32 - kHashBits)];
    size_t from = place;
    place = static_cast<uint16_t>(at);
    if (load(data + from) != load(data + at)) {
      at += 1 + (misses++ >> 6);  // the less there is to find, the wider the steps
      continue;
    }
    misses = 0;
    size_t start = at;
    while (start > literals && from > 0 && data[start - 1] == data[from - 1]) --start, --from;
    const size_t run = start - literals;
    const size_t length = matchLength(data + from, data + start, end - kTail), beyond = length - kLeastMatch;
    if (room() < 1 + extra(run) + run + 2 + extra(beyond)) return 0;
    *to++ = static_cast<uint8_t>(std::min<size_t>(run, 15) << 4 | std::min<size_t>(beyond, 15));
    to = putExtra(to, run);
    to = std::copy_n(data + literals, run, to);
    const size_t offset = start - from;
    *to++ = static_cast<uint8_t>(offset);
    *to++ = static_cast<uint8_t>(offset >> 8);
    to = putExtra(to, beyond);
    at = literals = start + length;
  }
  const size_t run = in.size() - literals;
  if (room() < 1 + extra(run) + run) return 0;
  *to++ = static_cast<uint8_t>(std::min<size_t>(run, 15) << 4);
  to = putExtra(to, run);
  to = std::copy_n(data + literals, run, to);
  return static_cast<size_t>(to - out.data());
}

size_t expand(ByteView in, ByteSpan out) noexcept {
  const uint8_t* at = in.data();
  const uint8_t* const end = at + in.size();
  size_t n = 0;
  while (at != end) {
    const uint8_t token = *at++;
    size_t run = token >> 4;
    if (!takeExtra(at, end, run) || run > static_cast<size_t>(end - at) || run > out.size() - n) return 0;
    std::copy_n(at, run, out.data() + n);
    at += run;
    n += run;
    if (at == end) return n;  // a block ends behind literals
    if (end - at < 2) return 0;
    const size_t offset = at[0] | size_t{at[1]} << 8;
    at += 2;
    size_t length = token & 15;
    if (offset == 0 || offset > n || !takeExtra(at, end, length)) return 0;
    length += kLeastMatch;
    if (length > out.size() - n) return 0;
    copyMatch(out.data() + n, offset, length);
    n += length;
  }
  return 0;
}

}  // namespace postern::lz4
