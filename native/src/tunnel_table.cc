#include "tunnel_table.h"

namespace postern {
namespace {

bool sameRoutes(const TunnelSpec& a, const TunnelSpec& b) {
  const bool networks = a.networks == b.networks || (a.networks != nullptr && b.networks != nullptr && *a.networks == *b.networks);
  return a.ipv4 == b.ipv4 && a.ipv6 == b.ipv6 && networks;
}

}  // namespace

bool TunnelTable::place(uint32_t tunnel, uint32_t worker) {
  std::lock_guard lock(mutex_);
  return entries_.emplace(tunnel, Entry{worker}).second;
}

std::optional<uint32_t> TunnelTable::workerOf(uint32_t tunnel) const {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(tunnel);
  if (it == entries_.end()) return std::nullopt;
  return it->second.worker;
}

// Numbers are never reused, so a command for a tunnel long gone only waits until it is the oldest.
EarlyCommands& TunnelTable::early(uint32_t tunnel) {
  const auto [it, added] = early_.try_emplace(tunnel);
  if (added) {
    earlyOrder_.push_back(tunnel);
    if (earlyOrder_.size() > kEarly) {
      early_.erase(earlyOrder_.front());
      earlyOrder_.pop_front();
    }
  }
  return it->second;
}

EarlyCommands TunnelTable::takeEarly(uint32_t tunnel) {
  auto node = early_.extract(tunnel);
  if (node.empty()) return {};
  std::erase(earlyOrder_, tunnel);
  return std::move(node.mapped());
}

void TunnelTable::enter(uint32_t tunnel, const TunnelSpec& spec, const TunnelCounters& counters) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[tunnel];
  entry.counters = &counters;
  entry.predecessor = spec.predecessor;
  route(tunnel, entry.worker, spec);
}

void TunnelTable::change(uint32_t tunnel, const TunnelSpec& from, const TunnelSpec& to) {
  std::lock_guard lock(mutex_);
  if (sameRoutes(from, to)) return;
  removeRoutes(tunnel, from);
  route(tunnel, entries_[tunnel].worker, to);
}

void TunnelTable::leave(uint32_t tunnel, const TunnelSpec& spec, bool routes) {
  std::lock_guard lock(mutex_);
  if (routes) removeRoutes(tunnel, spec);
  entries_.erase(tunnel);
}

void TunnelTable::unroute(uint32_t tunnel, const TunnelSpec& spec) {
  std::lock_guard lock(mutex_);
  removeRoutes(tunnel, spec);
}

bool TunnelTable::follows(uint32_t newer, uint32_t older) const {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(newer);
  return it != entries_.end() && it->second.predecessor == older;
}

bool TunnelTable::read(uint32_t tunnel, uint64_t nowMs, TunnelCounterWords& into) const {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(tunnel);
  if (it == entries_.end() || it->second.counters == nullptr) return false;
  into = it->second.counters->read(nowMs);
  return true;
}

void TunnelTable::route(uint32_t tunnel, uint32_t worker, const TunnelSpec& spec) {
  if (spec.ipv4) router_.insert(*spec.ipv4, {tunnel, worker});
  if (spec.ipv6) router_.insert(*spec.ipv6, {tunnel, worker});
  if (spec.networks == nullptr) return;
  for (const IpPrefix& network : spec.networks->prefixes()) router_.insert(network, {tunnel, worker});
}

void TunnelTable::removeRoutes(uint32_t tunnel, const TunnelSpec& spec) {
  if (spec.ipv4) router_.remove(*spec.ipv4, tunnel);
  if (spec.ipv6) router_.remove(*spec.ipv6, tunnel);
  if (spec.networks == nullptr) return;
  for (const IpPrefix& network : spec.networks->prefixes()) router_.remove(network, tunnel);
}

}  // namespace postern
