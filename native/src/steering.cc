#include "steering.h"

#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace postern {
namespace {

// Specification constants: offset of the destination's last byte in an IPv4 and an IPv6 header.
constexpr int32_t kLastByte4 = 19;
constexpr int32_t kLastByte6 = 39;

constexpr bpf_insn instruction(uint8_t code, uint8_t to, uint8_t from, int16_t jump, int32_t value) {
  bpf_insn i{};
  i.code = code;
  i.dst_reg = to & 0xf;
  i.src_reg = from & 0xf;
  i.off = jump;
  i.imm = value;
  return i;
}

int loadProgram() noexcept {
  const bpf_insn program[] = {
      instruction(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),          // r6 = skb, where BPF_ABS looks for it
      instruction(BPF_LD | BPF_B | BPF_ABS, 0, 0, 0, 0),             // r0 = first byte
      instruction(BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 4),          // version
      instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 6),            // IPv6: skip two
      instruction(BPF_LD | BPF_B | BPF_ABS, 0, 0, 0, kLastByte4),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),                   // the kernel takes r0 modulo the queues
      instruction(BPF_LD | BPF_B | BPF_ABS, 0, 0, 0, kLastByte6),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insns = reinterpret_cast<uint64_t>(program);
  attributes.insn_cnt = sizeof program / sizeof program[0];
  attributes.license = reinterpret_cast<uint64_t>("Apache-2.0");
  return static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes));
}

}  // namespace

uint32_t steeredWorker(const TunnelSpec& spec, uint32_t workers) noexcept {
  if (spec.ipv4) return (*spec.ipv4 & 0xff) % workers;
  if (spec.ipv6) return (*spec.ipv6)[15] % workers;
  return 0;
}

bool steerQueues(int queueFd) noexcept {
  int program = loadProgram();
  if (program < 0) return false;
  const bool attached = ::ioctl(queueFd, TUNSETSTEERINGEBPF, &program) == 0;
  ::close(program);  // the device holds its own reference
  return attached;
}

}  // namespace postern
