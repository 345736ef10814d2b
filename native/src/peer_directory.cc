#include "peer_directory.h"

namespace postern {

bool PeerDirectory::begin(const UdpPeer& peer, uint64_t untilMs, uint64_t nowMs) {
  std::lock_guard lock(mutex_);
  expire(nowMs);
  if (pending_.size() >= kPending || order_.size() >= kRemembered) return false;
  pending_[peer] = untilMs;
  order_.push_back({peer, untilMs});
  return true;
}

void PeerDirectory::expire(uint64_t nowMs) {
  for (; !order_.empty() && order_.front().untilMs <= nowMs; order_.pop_front()) {
    const auto it = pending_.find(order_.front().peer);
    if (it != pending_.end() && it->second <= nowMs) pending_.erase(it);
  }
}

bool PeerDirectory::pending(const UdpPeer& peer, uint64_t nowMs) const {
  std::shared_lock lock(mutex_);
  const auto it = pending_.find(peer);
  return it != pending_.end() && nowMs < it->second;
}

void PeerDirectory::finish(const UdpPeer& peer) {
  std::lock_guard lock(mutex_);
  pending_.erase(peer);
}

void PeerDirectory::own(const UdpPeer& peer, uint32_t worker) {
  std::lock_guard lock(mutex_);
  owners_[peer] = worker;
  steering.own(peer, worker);
}

void PeerDirectory::disown(const UdpPeer& peer, uint32_t worker) {
  std::lock_guard lock(mutex_);
  const auto it = owners_.find(peer);
  if (it == owners_.end() || it->second != worker) return;
  owners_.erase(it);
  steering.disown(peer);
}

std::optional<uint32_t> PeerDirectory::owner(const UdpPeer& peer) const {
  std::shared_lock lock(mutex_);
  const auto it = owners_.find(peer);
  if (it == owners_.end()) return std::nullopt;
  return it->second;
}

size_t PeerDirectory::size() const {
  std::shared_lock lock(mutex_);
  return pending_.size() + owners_.size();
}

}  // namespace postern
