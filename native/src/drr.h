// Turns among those who have something to read or to send: deficit round robin (Shreedhar and Varghese, 1995). Sans I/O.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace postern {

// The owner keeps one of these for each of its members.
struct Turn {
  int64_t credit = 0;   // bytes; negative: took more than its share, and pays in the rounds to come
  bool wants = false;   // has something
  bool inLine = false;
};

class DeficitRoundRobin {
 public:
  // Implementation constant: bytes of a member in one round.
  static constexpr int64_t kQuantum = 64 * 1024;

  // `id` has something; joins at the end of the line unless it stands there already.
  void want(uint32_t id, Turn& turn) {
    turn.wants = true;
    if (turn.inLine) return;
    turn.inLine = true;
    turn.credit = std::min<int64_t>(turn.credit, 0);
    line_.push_back(id);
  }
  bool empty() const noexcept { return line_.empty(); }

  // One round: each in line is due once, in order; who stands there alone owes nothing to anybody. `find(id)` is its Turn, nullptr when it has gone; `serve(id, credit)` lets
  // it have about `credit` bytes and says how many it took and whether there is more. Those without leave the line as soon as
  // they owe nothing. Members may join meanwhile; their turn is the next round.
  struct Served {
    int64_t bytes;
    bool more;
  };
  template <typename Find, typename Serve>
  void round(Find&& find, Serve&& serve) {
    turn_.swap(line_);
    for (const uint32_t id : turn_) {
      Turn* turn = find(id);
      if (turn == nullptr) continue;
      if (turn_.size() == 1) turn->credit = 0;
      turn->credit += kQuantum;
      if (turn->wants && turn->credit > 0) {
        turn->wants = false;
        const Served served = serve(id, turn->credit);
        turn = find(id);  // it may be gone
        if (turn == nullptr) continue;
        turn->credit -= served.bytes;
        turn->wants = turn->wants || served.more;
      }
      turn->inLine = turn->wants || (turn->credit < 0 && turn_.size() > 1);
      if (turn->inLine) line_.push_back(id);
      else turn->credit = 0;
    }
    turn_.clear();
  }

 private:
  std::vector<uint32_t> line_, turn_;
};

}  // namespace postern
