// A path that damages what passes: the proof that the checks can fail.
#pragma once
#include "bytes.h"
#include "options.h"

namespace load {

class Fault {
 public:
  // `flip:N` a bit of every Nth, `drop:N`, `twice:N`, `swap:N` (behind its successor); empty for none.
  explicit Fault(const std::string& text) {
    if (text.empty()) return;
    const auto parts = split(text, ':');
    kind_ = parts[0];
    every_ = parts.size() > 1 ? uint64_t(toNumber(parts[1])) : 1;
    if ((kind_ != "flip" && kind_ != "drop" && kind_ != "twice" && kind_ != "swap") || every_ == 0) throw Failure("no such fault: " + text + "; there is flip:N, drop:N, twice:N and swap:N");
  }
  bool none() const { return every_ == 0; }
  bool flips(uint64_t number) const { return kind_ == "flip" && number % every_ == every_ - 1; }

  template <typename Emit>
  void pass(View bytes, Emit emit) {
    const bool hit = every_ > 0 && count_++ % every_ == every_ - 1;
    if (hit && kind_ == "flip" && !bytes.empty()) {
      Bytes damaged(bytes.begin(), bytes.end());
      damaged.back() ^= 4;
      emit(View(damaged));
    } else if (hit && kind_ == "swap" && held_.empty()) {
      held_.assign(bytes.begin(), bytes.end());
      return;
    } else if (!hit || kind_ != "drop") {
      emit(bytes);
      if (hit && kind_ == "twice") emit(bytes);
    }
    if (!held_.empty()) {
      emit(View(held_));
      held_.clear();
    }
  }

 private:
  std::string kind_;
  uint64_t every_ = 0, count_ = 0;
  Bytes held_;
};

}  // namespace load
