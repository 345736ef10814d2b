#include "ip_prefix.h"

#include <arpa/inet.h>

#include <charconv>

namespace postern {

IpPrefix IpPrefix::network() const noexcept {
  IpPrefix masked = *this;
  for (size_t i = 0; i < size(); ++i) {
    const int bits = length - static_cast<int>(i) * 8;
    if (bits <= 0) masked.bytes[i] = 0;
    else if (bits < 8) masked.bytes[i] = static_cast<uint8_t>(masked.bytes[i] & (0xff << (8 - bits)));
  }
  return masked;
}

bool parsePrefix(const std::string& text, IpPrefix& out) {
  const size_t slash = text.find('/');
  const std::string address = text.substr(0, slash);
  out = {};
  out.ipv6 = address.find(':') != std::string::npos;
  if (inet_pton(out.ipv6 ? AF_INET6 : AF_INET, address.c_str(), out.bytes.data()) != 1) return false;
  const unsigned limit = out.ipv6 ? 128 : 32;
  unsigned length = limit;
  if (slash != std::string::npos) {
    const char* first = text.data() + slash + 1;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(first, last, length);
    if (error != std::errc() || end != last || length > limit) return false;
  }
  out.length = static_cast<uint8_t>(length);
  return true;
}

}  // namespace postern
