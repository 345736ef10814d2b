#include "peer_steering.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "byte_order.h"

namespace postern {
namespace {

// Implementation constant: peers of all workers; more are handed over.
constexpr uint32_t kPeers = 1 << 18;

// Offsets in the IP headers (RFC 791, 8200). A header with options or extensions has its port elsewhere: such a peer is
// not found, and its datagrams are handed over.
constexpr int32_t kSource4 = 12, kSource6 = 8, kPort4 = 20, kPort6 = 40;

// As the program builds it: the words of the address in host order, an IPv4 one mapped, then the port.
struct Key {
  uint32_t words[4];
  uint32_t port;
};

Key keyOf(const UdpPeer& peer) noexcept {
  Key key;
  for (size_t i = 0; i < 4; ++i) key.words[i] = load32(&peer.address[4 * i]);
  key.port = peer.port;
  return key;
}

constexpr bpf_insn instruction(uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value) {
  bpf_insn i{};
  i.code = code;
  i.dst_reg = to & 0xf;
  i.src_reg = from & 0xf;
  i.off = offset;
  i.imm = value;
  return i;
}
constexpr bpf_insn load(uint8_t size, int32_t offset) { return instruction(BPF_LD | size | BPF_ABS, 0, 0, 0, SKF_NET_OFF + offset); }
constexpr int16_t kKey = -static_cast<int16_t>(sizeof(Key));
constexpr bpf_insn store(size_t word) { return instruction(BPF_STX | BPF_MEM | BPF_W, 10, 0, static_cast<int16_t>(kKey + 4 * static_cast<int>(word)), 0); }
constexpr bpf_insn storeConstant(size_t word, int32_t value) {
  return instruction(BPF_ST | BPF_MEM | BPF_W, 10, 0, static_cast<int16_t>(kKey + 4 * static_cast<int>(word)), value);
}

int bpf(int command, bpf_attr& attributes) noexcept { return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes)); }

int createMap() noexcept {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.map_type = BPF_MAP_TYPE_HASH;
  attributes.key_size = sizeof(Key);
  attributes.value_size = sizeof(uint32_t);
  attributes.max_entries = kPeers;
  attributes.map_flags = BPF_F_NO_PREALLOC;
  return bpf(BPF_MAP_CREATE, attributes);
}

// Answers the index of a socket in its group; one that there is not means: by the hash.
int loadProgram(int map) noexcept {
  const bpf_insn program[] = {
      instruction(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0),       // r6 = skb, where BPF_ABS looks for it
      load(BPF_B, 0),
      instruction(BPF_ALU64 | BPF_RSH | BPF_K, 0, 0, 0, 4),       // version
      instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 8, 6),         // IPv6: skip eight
      storeConstant(0, 0),
      storeConstant(1, 0),
      storeConstant(2, 0xffff),
      load(BPF_W, kSource4),
      store(3),
      load(BPF_H, kPort4),
      store(4),
      instruction(BPF_JMP | BPF_JA, 0, 0, 10, 0),                 // skip ten
      load(BPF_W, kSource6),
      store(0),
      load(BPF_W, kSource6 + 4),
      store(1),
      load(BPF_W, kSource6 + 8),
      store(2),
      load(BPF_W, kSource6 + 12),
      store(3),
      load(BPF_H, kPort6),
      store(4),
      instruction(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
      instruction(0, 0, 0, 0, 0),                                 // second half of the one before
      instruction(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
      instruction(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, kKey),
      instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
      instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0),
      instruction(BPF_LDX | BPF_MEM | BPF_W, 0, 0, 0, 0),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
      instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1),
      instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insns = reinterpret_cast<uint64_t>(program);
  attributes.insn_cnt = sizeof program / sizeof program[0];
  attributes.license = reinterpret_cast<uint64_t>("Apache-2.0");
  return bpf(BPF_PROG_LOAD, attributes);
}

}  // namespace

PeerSteering::~PeerSteering() {
  if (program_ >= 0) ::close(program_);
  if (map_ >= 0) ::close(map_);
}

bool PeerSteering::open() noexcept {
  map_ = createMap();
  if (map_ >= 0) program_ = loadProgram(map_);
  return program_ >= 0;
}

bool PeerSteering::attach(int fd) const noexcept {
  return program_ >= 0 && ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &program_, sizeof program_) == 0;
}

void PeerSteering::own(const UdpPeer& peer, uint32_t worker) const noexcept {
  if (program_ < 0) return;
  const Key key = keyOf(peer);
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.map_fd = static_cast<uint32_t>(map_);
  attributes.key = reinterpret_cast<uint64_t>(&key);
  attributes.value = reinterpret_cast<uint64_t>(&worker);
  bpf(BPF_MAP_UPDATE_ELEM, attributes);  // full: handed over
}

void PeerSteering::disown(const UdpPeer& peer) const noexcept {
  if (program_ < 0) return;
  const Key key = keyOf(peer);
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  attributes.map_fd = static_cast<uint32_t>(map_);
  attributes.key = reinterpret_cast<uint64_t>(&key);
  bpf(BPF_MAP_DELETE_ELEM, attributes);
}

}  // namespace postern
