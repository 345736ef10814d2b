#include "gso.h"

#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace load {

bool sendSegments(int fd, const uint8_t* bytes, size_t length, size_t segment, const Endpoint* to) {
  iovec part{const_cast<uint8_t*>(bytes), length};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (to != nullptr) {
    message.msg_name = const_cast<sockaddr*>(to->raw());
    message.msg_namelen = to->length;
  }
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {};
  if (length > segment) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const uint16_t size = uint16_t(segment);
    std::memcpy(CMSG_DATA(header), &size, sizeof size);
  }
  return ::sendmsg(fd, &message, MSG_NOSIGNAL) == long(length);
}

bool receiveSegments(int fd, uint8_t* bytes, size_t room, Received& received) {
  iovec part{bytes, room};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = received.from.raw();
  message.msg_namelen = sizeof received.from.address;
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const long n = ::recvmsg(fd, &message, MSG_DONTWAIT);
  if (n < 0) return false;
  received.length = received.segment = size_t(n);
  received.from.length = message.msg_namelen;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header))
    if (header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO) {
      int size = 0;
      std::memcpy(&size, CMSG_DATA(header), sizeof size);
      if (size > 0) received.segment = size_t(size);
    }
  return true;
}

void mergeOnReceive(int fd) {
  const int one = 1;
  setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one);
}

}  // namespace load
