#include "proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include "byte_order.h"

namespace postern {
namespace {

constexpr std::string_view kLinePrefix = "PROXY ";
constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr size_t kBlockHead = 16;
constexpr size_t kTlvHead = 3;

std::string_view textOf(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
bool begins(std::string_view bytes, std::string_view with) { return bytes.substr(0, with.size()) == with.substr(0, bytes.size()); }

// An IPv4 client of a proxy that listens for both families is the same client.
sockaddr_storage endpoint(bool v6, const uint8_t* address, uint16_t port) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  sockaddr_storage made{};
  if (v6 && std::memcmp(address, kMapped, sizeof kMapped) != 0) {
    auto& to = reinterpret_cast<sockaddr_in6&>(made);
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    std::memcpy(&to.sin6_addr, address, 16);
  } else {
    auto& to = reinterpret_cast<sockaddr_in&>(made);
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    std::memcpy(&to.sin_addr, v6 ? address + sizeof kMapped : address, 4);
  }
  return made;
}

// Decimal, no sign, no leading zero.
bool readPort(std::string_view text, uint16_t& port) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

size_t ProxyHeader::wanted() const noexcept {
  if (state_ != State::kPartial) return 0;
  if (bytes_.size() < kLinePrefix.size()) return kLinePrefix.size() - bytes_.size();
  if (bytes_[0] == kLinePrefix[0]) return 1;
  const size_t whole = bytes_.size() < kBlockHead ? kBlockHead : kBlockHead + load16(bytes_.data() + 14);
  return whole - bytes_.size();
}

size_t ProxyHeader::take(ByteView bytes) {
  size_t taken = 0;
  while (taken < bytes.size()) {
    const size_t want = std::min(wanted(), bytes.size() - taken);
    if (want == 0) break;
    bytes_.insert(bytes_.end(), bytes.begin() + static_cast<ptrdiff_t>(taken), bytes.begin() + static_cast<ptrdiff_t>(taken + want));
    taken += want;
    look();
  }
  return taken;
}

void ProxyHeader::look() {
  const std::string_view text = textOf(bytes_);
  if (begins(text, kLinePrefix)) {
    if (text.size() > kLinePrefix.size() && text.back() == '\n') return readLine();
    if (text.size() >= kMaxLine) state_ = State::kBad;
    return;
  }
  if (!begins(text, kSignature) || (text.size() >= kBlockHead && load16(bytes_.data() + 14) > kMaxBlock - kBlockHead)) {
    state_ = State::kBad;
    return;
  }
  if (text.size() >= kBlockHead && wanted() == 0) readBlock();
}

// `PROXY TCP4 198.51.100.7 203.0.113.1 50000 443\r\n`
void ProxyHeader::readLine() {
  state_ = State::kBad;
  std::string_view line = textOf(bytes_).substr(kLinePrefix.size());
  if (line.size() < 2 || line.substr(line.size() - 2) != "\r\n") return;
  line.remove_suffix(2);
  if (std::any_of(line.begin(), line.end(), [](char c) { return c < 0x20 || c > 0x7e; })) return;
  if (line == "UNKNOWN" || line.substr(0, 8) == "UNKNOWN ") {
    state_ = State::kDone;
    return;
  }
  std::string_view words[5];
  for (auto& word : words) {
    const size_t end = std::min(line.find(' '), line.size());
    word = line.substr(0, end);
    line.remove_prefix(&word == &words[4] ? end : std::min(end + 1, line.size()));
  }
  const bool v6 = words[0] == "TCP6";
  if (!line.empty() || (!v6 && words[0] != "TCP4")) return;
  uint8_t from[16], to[16];
  uint16_t fromPort = 0, toPort = 0;
  const auto address = [&](std::string_view word, uint8_t* into) { return ::inet_pton(v6 ? AF_INET6 : AF_INET, std::string(word).c_str(), into) == 1; };
  if (!address(words[1], from) || !address(words[2], to) || !readPort(words[3], fromPort) || !readPort(words[4], toPort)) return;
  client_ = endpoint(v6, from, fromPort);
  state_ = State::kDone;
}

void ProxyHeader::readBlock() {
  state_ = State::kBad;
  const uint8_t version = bytes_[12] >> 4, command = bytes_[12] & 0x0f, family = bytes_[13] >> 4, transport = bytes_[13] & 0x0f;
  if (version != 2 || command > 1 || family > 3 || transport > 2) return;
  const ByteView rest(bytes_.data() + kBlockHead, bytes_.size() - kBlockHead);
  // A proxy's own connection, or an end without an IP address: whatever follows means nothing.
  if (command == 0 || family == 0 || family == 3 || transport == 0) {
    state_ = State::kDone;
    return;
  }
  const size_t address = family == 2 ? 16 : 4, addresses = 2 * address + 4;
  if (transport != 1 || rest.size() < addresses) return;
  for (size_t at = addresses; at < rest.size();) {
    if (rest.size() - at < kTlvHead || rest.size() - at - kTlvHead < load16(rest.data() + at + 1)) return;
    at += kTlvHead + load16(rest.data() + at + 1);
  }
  client_ = endpoint(family == 2, rest.data(), load16(rest.data() + 2 * address));
  state_ = State::kDone;
}

}  // namespace postern
