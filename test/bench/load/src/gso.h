// UDP with the kernel's segmentation and merging.
#pragma once
#include "endpoint.h"

namespace load {

constexpr size_t kMaxDatagram = 65507;
constexpr size_t kMaxSegments = 64;

// Equal parts of `segment` bytes, the last perhaps shorter; `to` may be null on a connected socket. False when the kernel
// takes none. errno tells why.
bool sendSegments(int fd, const uint8_t* bytes, size_t length, size_t segment, const Endpoint* to);

struct Received {
  size_t length = 0, segment = 0;  // segment: length of each part but the last
  Endpoint from;
};
// Never waits. False when nothing is there.
bool receiveSegments(int fd, uint8_t* bytes, size_t room, Received& received);

// Let the kernel merge what arrives.
void mergeOnReceive(int fd);

}  // namespace load
