#include "tcp_segments.h"

namespace load {
namespace {

constexpr uint8_t kFin = 1, kPsh = 8, kAck = 16;

Address addressIn(const uint8_t* packet, bool source) {
  Address address;
  address.length = packet[0] >> 4 == 4 ? 4 : 16;
  std::memcpy(address.bytes.data(), packet + (address.length == 4 ? (source ? 12 : 16) : (source ? 8 : 24)), address.length);
  return address;
}

uint32_t pseudoOf(const uint8_t* packet, size_t l4Length) { return pseudoSum(addressIn(packet, true), addressIn(packet, false), kProtocolTcp, l4Length); }

void setLength(uint8_t* packet, size_t length) {
  if (packet[0] >> 4 == 4) {
    put16(packet + 2, length);
    put16(packet + 10, 0);
    put16(packet + 10, foldedComplement(sumOf(View(packet, 20))));
  } else {
    put16(packet + 4, length - 40);
  }
}

}  // namespace

Cut::Cut(const VirtioHeader& header, uint8_t* packet, size_t length) : packet_(packet), length_(length) {
  const uint8_t type = header.gsoType & 0x7f;
  if (type == 0) {
    if (header.flags & kNeedsChecksum) {
      // The field holds the sum of the pseudo header.
      uint8_t* const from = packet + header.checksumStart;
      const uint16_t sum = foldedComplement(sumOf(View(from, length - header.checksumStart)));
      put16(from + header.checksumOffset, sum == 0 ? 0xffff : sum);
    }
    head_ = 0, part_ = length;
    return;
  }
  if (type != kGsoTcp4 && type != kGsoTcp6) throw Failure("the device offers segments that nobody asked for");
  ip_ = ipHeader(type == kGsoTcp4 ? 4 : 16);
  head_ = ip_ + size_t(packet[ip_ + 12] >> 4) * 4;
  part_ = header.gsoSize;
  count_ = (length - head_ + part_ - 1) / part_;
}

void Cut::write(size_t index, uint8_t* to) const {
  if (ip_ == 0) {
    std::memcpy(to, packet_, length_);
    return;
  }
  const size_t length = size(index);
  std::memcpy(to, packet_, head_);
  std::memcpy(to + head_, packet_ + head_ + index * part_, length - head_);
  if (ip_ == 20) put16(to + 4, get16(packet_ + 4) + index);
  setLength(to, length);
  uint8_t* const tcp = to + ip_;
  put32(tcp + 4, get32(packet_ + ip_ + 4) + index * part_);
  if (index + 1 < count_) tcp[13] &= uint8_t(~(kFin | kPsh));
  put16(tcp + 16, 0);
  put16(tcp + 16, foldedComplement(sumOf(View(tcp, length - ip_), pseudoOf(to, length - ip_))));
}

bool Merge::add(uint8_t* packet, size_t length) {
  const bool v4 = packet[0] >> 4 == 4;
  const size_t ip = v4 ? 20 : 40;
  const bool tcp = length >= ip + 20 && packet[v4 ? 9 : 6] == kProtocolTcp && (!v4 || (packet[0] == 0x45 && (get16(packet + 6) & 0x3fff) == 0));
  const size_t head = tcp ? ip + size_t(packet[ip + 12] >> 4) * 4 : 0;
  const uint8_t flags = tcp ? packet[ip + 13] : 0;
  const bool mergeable = tcp && head < length && (flags & ~kPsh) == kAck;
  const size_t payload = length - head;
  if (count_ == 0) {
    header_ = {};
    parts_ = {{&header_, sizeof header_}, {packet, length}};
    first_ = packet, count_ = 1, total_ = length, payload_ = payload, head_ = head, ip_ = ip;
    closed_ = !mergeable || (flags & kPsh);
    if (tcp) next_ = get32(packet + ip + 4) + uint32_t(payload);
    return true;
  }
  if (closed_ || !mergeable || ip != ip_ || head != head_ || payload > payload_ || count_ >= 64 || total_ + payload > 65535) return false;
  const uint8_t* const tcpHere = packet + ip;
  const uint8_t* const tcpFirst = first_ + ip;
  const bool sameIp = v4 ? packet[1] == first_[1] && packet[8] == first_[8] && std::memcmp(packet + 12, first_ + 12, 8) == 0
                         : std::memcmp(packet, first_, 4) == 0 && packet[7] == first_[7] && std::memcmp(packet + 8, first_ + 8, 32) == 0;
  if (!sameIp || std::memcmp(tcpHere, tcpFirst, 4) != 0 || get32(tcpHere + 4) != next_ || std::memcmp(tcpHere + 8, tcpFirst + 8, 5) != 0 ||
      std::memcmp(tcpHere + 14, tcpFirst + 14, 2) != 0 || std::memcmp(tcpHere + 20, tcpFirst + 20, head - ip - 20) != 0)
    return false;
  parts_.push_back({packet + head, payload});
  ++count_;
  total_ += payload;
  next_ += uint32_t(payload);
  if (flags & kPsh) first_[ip + 13] |= kPsh;
  closed_ = payload < payload_ || (flags & kPsh);
  return true;
}

const std::vector<iovec>& Merge::finish() {
  if (count_ > 1) {
    header_ = {kNeedsChecksum, ip_ == 20 ? kGsoTcp4 : kGsoTcp6, uint16_t(head_), uint16_t(payload_), uint16_t(ip_), 16};
    setLength(first_, total_);
    const uint16_t sum = uint16_t(~foldedComplement(pseudoOf(first_, total_ - ip_)));
    put16(first_ + ip_ + 16, sum);
  }
  return parts_;
}

}  // namespace load
