#include "flow.h"

#include <time.h>

namespace load {
namespace {

constexpr size_t kPool = 1 << 17;

const uint8_t* pool() {
  static const Bytes bytes = [] {
    Bytes made(kPool + 65536);
    uint64_t state = 0x9e3779b97f4a7c15;
    for (uint8_t& byte : made) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      byte = uint8_t(state >> 32);
    }
    return made;
  }();
  return bytes.data();
}

}  // namespace

uint64_t nowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

const uint8_t* flowContent(uint32_t session, uint64_t number) { return pool() + (number * 61 + session * 8191) % kPool; }

void writeFlow(uint8_t* payload, size_t length, uint32_t kind, uint32_t session, uint64_t number, uint64_t sentNs) {
  put32(payload, kind);
  put32(payload + 4, session);
  put64(payload + 8, number);
  put64(payload + 16, sentNs);
  std::memcpy(payload + kFlowHeader, flowContent(session, number), length - kFlowHeader);
}

bool Tally::take(View payload) {
  const uint64_t number = get64(&payload[8]);
  if (std::memcmp(&payload[kFlowHeader], flowContent(get32(&payload[4]), number), payload.size() - kFlowHeader) != 0) {
    ++corrupt;
    return false;
  }
  if (seen.take(number)) bytes += payload.size();
  return true;
}

TallyReport reportOf(const Tally& tally) {
  return {tally.seen.highest(), tally.seen.count(), tally.corrupt, tally.seen.duplicates(), tally.seen.reordered(), tally.bytes};
}

void writeAck(uint8_t* payload, uint32_t session, const Tally& tally) {
  const TallyReport report = reportOf(tally);
  put32(payload, kFlowAck);
  put32(payload + 4, session);
  const uint64_t numbers[] = {report.highest, report.count, report.corrupt, report.duplicates, report.reordered, report.bytes};
  for (size_t i = 0; i < 6; ++i) put64(payload + 8 + 8 * i, numbers[i]);
}

TallyReport readAck(const uint8_t* payload) {
  const auto number = [&](size_t i) { return get64(payload + 8 + 8 * i); };
  return {number(0), number(1), number(2), number(3), number(4), number(5)};
}

}  // namespace load
