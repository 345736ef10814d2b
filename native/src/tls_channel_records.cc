// A tunnel's connection when its records are our own.
#include <algorithm>
#include <cstring>

#include "tls_channel.h"

namespace postern {

// `seal` writes one record of at most `room` bytes and returns its length.
template <typename Seal>
bool TlsChannel::append(size_t room, Seal&& seal) noexcept {
  const size_t length = seal(extend(room));
  commit(room, length);
  if (length == 0) fatal_ = true;
  return length != 0;
}

bool TlsChannel::writeRecords(ByteView plain) noexcept {
  const auto inScratch = [this](const uint8_t* at) {
    const Bytes& scratch = output_.scratch;
    return at >= scratch.data() && at < scratch.data() + scratch.size();
  };
  while (!plain.empty()) {
    if (records_->keyWorn() && !updateKeys()) return false;
    const ByteView part = plain.first(std::min(plain.size(), CstpRecords::kMaxPlain));
    plain = plain.subspan(part.size());
    const bool sealed = append(part.size() + CstpRecords::kOverhead, [&](uint8_t* at) {
      if (inScratch(part.data())) return records_->sealData(const_cast<uint8_t*>(part.data()), part.size(), at);
      uint8_t* const inPlace = at + records_->prefix();
      std::memcpy(inPlace, part.data(), part.size());
      return records_->sealData(inPlace, part.size(), at);
    });
    if (!sealed) return false;
  }
  return true;
}

bool TlsChannel::updateKeys() noexcept {
  if (records_ == nullptr || !records_->tls13() || fatal_ || broken_) return false;
  output_.stats.add(Stat::keyUpdatesSent);
  return append(CstpRecords::kOverhead + 6, [this](uint8_t* at) { return records_->sealKeyUpdate(at); });
}

TlsChannel::Read TlsChannel::readRecords(ByteSpan into, size_t& length) noexcept {
  for (;;) {
    const size_t size = records_->recordLength(staged_);
    if (size > CstpRecords::kMaxRecord) {
      alert(CstpRecords::kRecordOverflow);
      return Read::kError;
    }
    if (size != 0 && size <= staged_.size()) {
      const ByteView record = staged_.first(size);
      staged_ = staged_.subspan(size);
      return settle(open(record, into, length));
    }
    if (eof_) return Read::kEof;
    if (receive() <= 0) return eof_ ? Read::kEof : Read::kWait;
  }
}

// Padding may make a record's plaintext longer than what it holds.
CstpRecords::Opened TlsChannel::open(ByteView record, ByteSpan into, size_t& length) noexcept {
  if (record.size() <= into.size()) return records_->open(record, into.data(), length);
  auto* const inPlace = const_cast<uint8_t*>(record.data()) + records_->prefix();
  const CstpRecords::Opened opened = records_->open(record, inPlace, length);
  if (opened == CstpRecords::Opened::kData) std::memcpy(into.data(), inPlace, length);
  return opened;
}

TlsChannel::Read TlsChannel::settle(CstpRecords::Opened opened) noexcept {
  using Opened = CstpRecords::Opened;
  switch (opened) {
    case Opened::kData: return Read::kData;
    case Opened::kUpdated:
      output_.stats.add(Stat::keyUpdatesReceived);
      return Read::kNothing;
    case Opened::kAnswer:
      if (records_->tls13()) output_.stats.add(Stat::keyUpdatesReceived);
      append(CstpRecords::kOverhead + 6, [this](uint8_t* at) { return records_->sealAnswer(at); });
      return fatal_ ? Read::kError : Read::kNothing;
    case Opened::kNothing: return Read::kNothing;
    case Opened::kClosed: return Read::kEof;
    case Opened::kPeerFailed: break;
    case Opened::kBroken: alert(records_->broken()); break;
  }
  fatal_ = true;
  return Read::kError;
}

// The last that is written.
void TlsChannel::alert(CstpRecords::Alert alert) noexcept {
  if (fatal_) return;
  append(CstpRecords::kOverhead + 3, [&](uint8_t* at) { return records_->sealAlert(alert, at); });
  fatal_ = true;
}

}  // namespace postern
