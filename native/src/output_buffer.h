// Bytes collected for one send. Grows seldom, and does not write to what is about to be overwritten.
#pragma once
#include <algorithm>
#include <cstring>
#include <memory>

#include "bytes.h"

namespace postern {

class OutputBuffer {
 public:
  explicit OutputBuffer(size_t capacity) : bytes_(new uint8_t[capacity]), capacity_(capacity) {}
  const uint8_t* data() const noexcept { return bytes_.get(); }
  size_t size() const noexcept { return size_; }
  size_t capacity() const noexcept { return capacity_; }
  void clear() noexcept { size_ = 0; }
  // Place for `length` bytes at the end, valid until the next call; commit() says how many of them count.
  uint8_t* room(size_t length) {
    if (length > capacity_ - size_) grow(length);
    return bytes_.get() + size_;
  }
  void commit(size_t length) noexcept { size_ += length; }
  void append(const uint8_t* bytes, size_t length) {
    std::memcpy(room(length), bytes, length);
    commit(length);
  }

 private:
  void grow(size_t length) {
    capacity_ = std::max(2 * capacity_, size_ + length);
    std::unique_ptr<uint8_t[]> grown(new uint8_t[capacity_]);
    std::memcpy(grown.get(), bytes_.get(), size_);
    bytes_.swap(grown);
  }
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0, capacity_;
};

}  // namespace postern
