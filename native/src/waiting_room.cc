#include "waiting_room.h"

#include <unistd.h>

#include <algorithm>

namespace postern {

WaitingRoom::~WaitingRoom() {
  for (const auto& [source, queue] : sources_) {
    for (const Guest& guest : queue) ::close(guest.fd);
  }
}

int WaitingRoom::enter(const Admission::Source& source, const Guest& guest) {
  int leaves = -1;
  if (size_ >= places_) {
    const auto crowded = std::max_element(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    const auto own = sources_.find(source);
    if (crowded == sources_.end() || crowded->second.size() <= (own == sources_.end() ? 0 : own->second.size()) + 1) return guest.fd;
    leaves = crowded->second.back().fd;
    crowded->second.pop_back();
    --size_;
  }
  sources_[source].push_back(guest);
  ++size_;
  return leaves;
}

int WaitingRoom::takeLate(int64_t since) {
  for (auto source = sources_.begin(); source != sources_.end(); ++source) {
    if (source->second.front().since > since) continue;
    const int fd = source->second.front().fd;
    source->second.pop_front();
    if (source->second.empty()) sources_.erase(source);
    --size_;
    return fd;
  }
  return -1;
}

}  // namespace postern
