// Chooses the TUN queue of a packet by the last byte of its inner destination, so that it is read by the worker that
// owns the tunnel (reference dataplane section 3.1). Without bpf() the workers hand packets over instead.
#pragma once
#include <cstdint>

#include "tunnel_spec.h"

namespace postern {

// Which worker a tunnel belongs to; the rule the BPF program follows.
uint32_t steeredWorker(const TunnelSpec& spec, uint32_t workers) noexcept;

// Attaches the program to the device behind any of its queue descriptors. False when the kernel refuses.
bool steerQueues(int queueFd) noexcept;

}  // namespace postern
