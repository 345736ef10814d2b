// Spare buffers of one worker, for tunnels whose client reads slower than we send. Most tunnels own none.
#pragma once
#include <utility>
#include <vector>

#include "bytes.h"

namespace postern {

class BufferPool {
 public:
  Bytes take() {
    if (spare_.empty()) return {};
    Bytes buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
  }
  void give(Bytes&& buffer) {
    if (buffer.capacity() == 0 || buffer.capacity() > kMaxCapacity || spare_.size() >= kMaxSpare) {
      Bytes().swap(buffer);
      return;
    }
    buffer.clear();
    spare_.push_back(std::move(buffer));
  }

 private:
  // Implementation constants: at most 8 MiB lies idle in a worker.
  static constexpr size_t kMaxSpare = 32;
  static constexpr size_t kMaxCapacity = 256 * 1024;
  std::vector<Bytes> spare_;
};

}  // namespace postern
