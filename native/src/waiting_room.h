// Connections that were accepted and not begun, because their source has as much under way as one source may: an office
// whose clients all come back at once waits here instead of being refused. A guest costs a descriptor and nothing of TLS.
#pragma once
#include <sys/socket.h>

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "admission.h"

namespace postern {

class WaitingRoom {
 public:
  struct Guest {
    int fd = -1;
    sockaddr_storage peer{};
    int64_t since = 0;  // milliseconds, monotonic
    bool proxied = false;
  };
  explicit WaitingRoom(size_t places) : places_(places) {}
  ~WaitingRoom();
  WaitingRoom(const WaitingRoom&) = delete;
  WaitingRoom& operator=(const WaitingRoom&) = delete;

  // Takes the guest's descriptor. The result is the one that has no place and is the caller's again, -1 for none: with all
  // places taken, the last guest of the most crowded source gives way to one of a source that has fewer, else it is the newcomer.
  int enter(const Admission::Source& source, const Guest& guest);
  bool holds(const Admission::Source& source) const { return sources_.count(source) != 0; }
  size_t size() const noexcept { return size_; }

  // Calls begin(source, guest) for the guests of each source in the order they came, until it says false for that source.
  // A guest that it says true for has left with its descriptor.
  template <typename Begin>
  void serve(Begin&& begin) {
    for (auto source = sources_.begin(); source != sources_.end();) {
      auto& queue = source->second;
      while (!queue.empty() && begin(source->first, queue.front())) queue.pop_front(), --size_;
      source = queue.empty() ? sources_.erase(source) : std::next(source);
    }
  }
  // One guest that came before `since`, out of the room; -1 for none.
  int takeLate(int64_t since);

 private:
  const size_t places_;
  size_t size_ = 0;
  std::unordered_map<Admission::Source, std::deque<Guest>, Admission::Hash> sources_;
};

}  // namespace postern
