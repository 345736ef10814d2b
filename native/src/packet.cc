#include "packet.h"

#include <algorithm>

#include "byte_order.h"

namespace postern {
namespace {

constexpr size_t kHeader4 = 20, kHeader6 = 40;

// Version and lengths; fills version, protocol and length.
bool parseFixed(ByteView bytes, PacketInfo& out) noexcept {
  if (bytes.size() < kHeader4) return false;
  const uint8_t* at = bytes.data();
  size_t length;
  if (at[0] >> 4 == 4) {
    const size_t header = (at[0] & 0x0f) * 4u;
    length = load16(at + 2);
    if (header < kHeader4 || header > length) return false;
    out.version = 4;
    out.protocol = at[9];
  } else if (at[0] >> 4 == 6 && bytes.size() >= kHeader6) {
    length = kHeader6 + load16(at + 4);
    out.version = 6;
    out.protocol = at[6];
  } else {
    return false;
  }
  if (length != bytes.size() || length > 0xffff) return false;
  out.length = static_cast<uint16_t>(length);
  return true;
}

}  // namespace

bool parsePacket(ByteView bytes, PacketInfo& out) noexcept {
  if (!destination(bytes, out)) return false;
  if (out.version == 4) {
    out.src4 = load32(&bytes[12]);
  } else {
    std::copy_n(&bytes[8], out.src6.size(), out.src6.begin());
  }
  return true;
}

bool destination(ByteView bytes, PacketInfo& out) noexcept {
  if (!parseFixed(bytes, out)) return false;
  if (out.version == 4) {
    out.dst4 = load32(&bytes[16]);
  } else {
    std::copy_n(&bytes[24], out.dst6.size(), out.dst6.begin());
  }
  return true;
}

bool transport6(ByteView packet, uint8_t& protocol, size_t& offset) noexcept {
  // Next header values, RFC 8200 section 4, RFC 4302.
  constexpr uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kAuthentication = 51, kDestination = 60;
  constexpr int kMaxHeaders = 8;
  if (packet.size() < kHeader6) return false;
  protocol = packet[6];
  offset = kHeader6;
  for (int i = 0; i <= kMaxHeaders; ++i) {
    const bool fragment = protocol == kFragment, authentication = protocol == kAuthentication;
    if (!fragment && !authentication && protocol != kHopByHop && protocol != kRouting && protocol != kDestination) return true;
    if (packet.size() - offset < 8) return false;
    const uint8_t* at = &packet[offset];
    if (fragment && (load16(at + 2) & 0xfff8) != 0) return false;
    const size_t length = fragment ? 8 : authentication ? (at[1] + 2u) * 4 : (at[1] + 1u) * 8;
    if (length > packet.size() - offset) return false;
    protocol = at[0];
    offset += length;
  }
  return false;
}

}  // namespace postern
