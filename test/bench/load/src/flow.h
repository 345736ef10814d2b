// Numbered payloads whose every byte is known to both ends, and what goes back for them. All numbers big-endian.
//   data  PLD1 session(4) number(8) sent-ns(8) content…
//   ack   PLA1 session(4) and Tally
//   ask   PLR1 session(4) size(4) segments(4) window(4) count(8) rate(8, packets a second) ms(8)
//                                                                                           starts a downward flow
//   end   PLE1 session(4) count(8)                                                            the flow's last word
//   echo  PLX1 session(4) number(8) sent-ns(8) content…                                       comes back as it is
#pragma once
#include <optional>

#include "bytes.h"
#include "replay.h"

namespace load {

constexpr uint32_t kFlowData = 0x504c4431, kFlowAck = 0x504c4131, kFlowAsk = 0x504c5231, kFlowEnd = 0x504c4531, kFlowEcho = 0x504c5831;
constexpr size_t kFlowHeader = 24, kFlowAckSize = 56, kFlowAskSize = 44, kFlowEndSize = 16;

uint64_t nowNs();

// Content of the packet with this number: a place in a pool of random bytes that every process makes alike.
const uint8_t* flowContent(uint32_t session, uint64_t number);
void writeFlow(uint8_t* payload, size_t length, uint32_t kind, uint32_t session, uint64_t number, uint64_t sentNs);

// What one end received of one flow.
struct Tally {
  Seen seen;
  uint64_t corrupt = 0, bytes = 0;
  // Checks and counts a data or echo payload. False when its content is not what its number says.
  bool take(View payload);
};

// The numbers of a tally as they travel.
struct TallyReport {
  uint64_t highest = 0, count = 0, corrupt = 0, duplicates = 0, reordered = 0, bytes = 0;
};
TallyReport reportOf(const Tally& tally);
void writeAck(uint8_t* payload, uint32_t session, const Tally& tally);
TallyReport readAck(const uint8_t* payload);

}  // namespace load
