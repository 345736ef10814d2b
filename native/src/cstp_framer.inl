// Framer::feed(), included by cstp.h only.

namespace postern::cstp {

inline Framer::Error Framer::checkHeader(const uint8_t* header) noexcept {
  if (std::memcmp(header, kMagic, sizeof kMagic) != 0) return Error::kMagic;
  if (header[7] != 0) return Error::kReserved;
  if (static_cast<size_t>(header[4] << 8 | header[5]) > kMaxPayload) return Error::kLength;
  return Error::kNone;
}

template <typename Sink>
bool Framer::feed(ByteView bytes, Sink&& sink) {
  if (error_ != Error::kNone) return false;
  if (!whole_.empty()) whole_ = Bytes();
  const auto size = [](const uint8_t* header) { return kHeader + static_cast<size_t>(header[4] << 8 | header[5]); };
  // Appends to the partial frame until it holds `upTo` bytes; false when the input ends before.
  const auto fill = [&](size_t upTo) {
    const size_t n = std::min(upTo - partial_.size(), bytes.size());
    partial_.insert(partial_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n));
    bytes = bytes.subspan(n);
    return partial_.size() == upTo;
  };

  if (!partial_.empty()) {
    if (partial_.size() < kHeader) {
      if (!fill(kHeader)) return true;
      error_ = checkHeader(partial_.data());
      if (error_ != Error::kNone) return false;
      partial_.reserve(size(partial_.data()));
    }
    if (!fill(size(partial_.data()))) return true;
    whole_.swap(partial_);
    if (!sink(Frame{whole_[6], ByteView(whole_).subspan(kHeader)})) return true;
  }

  while (bytes.size() >= kHeader) {
    error_ = checkHeader(bytes.data());
    if (error_ != Error::kNone) return false;
    const size_t n = size(bytes.data());
    if (bytes.size() < n) {
      partial_.reserve(n);
      break;
    }
    const Frame frame{bytes[6], bytes.subspan(kHeader, n - kHeader)};
    bytes = bytes.subspan(n);
    if (!sink(frame)) return true;
  }
  if (!bytes.empty()) partial_.assign(bytes.begin(), bytes.end());
  return true;
}

}  // namespace postern::cstp
