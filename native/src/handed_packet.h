// A packet of the device that cannot be delivered where it was read: copied, with the header the kernel gave it.
#pragma once
#include "bytes.h"
#include "virtio.h"

namespace postern {

struct HandedPacket {
  VirtioNetHeader header;
  Bytes packet;
};

}  // namespace postern
