// The tunnels of one worker, by number. The worker's thread only.
#pragma once
#include <memory>
#include <unordered_map>

#include "tunnel.h"

namespace postern {

class TunnelSet {
 public:
  Tunnel* find(uint32_t id) noexcept {
    if (id == lastId_) return last_;
    const auto it = tunnels_.find(id);
    if (it == tunnels_.end()) return nullptr;
    lastId_ = id;
    return last_ = it->second.get();
  }
  Tunnel& add(std::unique_ptr<Tunnel> tunnel) {
    Tunnel& t = *tunnel;
    tunnels_.emplace(t.id, std::move(tunnel));
    return t;
  }
  std::unique_ptr<Tunnel> remove(uint32_t id) {
    if (id == lastId_) {
      lastId_ = 0;
      last_ = nullptr;
    }
    auto node = tunnels_.extract(id);
    return node.empty() ? nullptr : std::move(node.mapped());
  }
  bool empty() const noexcept { return tunnels_.empty(); }
  std::vector<uint32_t> ids() const {
    std::vector<uint32_t> all;
    for (const auto& [id, tunnel] : tunnels_) all.push_back(id);
    return all;
  }

 private:
  std::unordered_map<uint32_t, std::unique_ptr<Tunnel>> tunnels_;
  uint32_t lastId_ = 0;  // packets come in runs; 0 is no tunnel
  Tunnel* last_ = nullptr;
};

}  // namespace postern
