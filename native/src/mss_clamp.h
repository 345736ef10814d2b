// The MSS option of TCP's SYN and SYN-ACK (RFC 9293 section 3.7.1), lowered to what a tunnel takes. Sans I/O.
#pragma once
#include "packet.h"

namespace postern {

// A TCP segment with SYN, whole or the first fragment of one. `packet` was accepted by parsePacket() or destination().
bool isTcpSyn(ByteView packet) noexcept;

// Lowers every MSS option to what `mtu` leaves behind the headers of IP and TCP, 40 or 60 bytes; never raises one. Adjusts
// the TCP checksum, which must be complete (RFC 1624). Options behind a malformed one stay as they are. True when something
// has changed. `packet` is one that isTcpSyn() knows.
bool clampMss(ByteSpan packet, uint16_t mtu) noexcept;

}  // namespace postern
