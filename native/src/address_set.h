// A set of IP addresses of both families, made of prefixes: sorted ranges that do not touch, searched by halves. Sans I/O.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tunnel_spec.h"

namespace postern {

class AddressSet {
 public:
  // False: not a prefix as parsePrefix() reads it; then the set is as before.
  bool add(const std::string& prefix);
  // Once, behind the last add().
  void seal();

  bool empty() const noexcept { return v4_.empty() && v6_.empty(); }
  bool has(Ipv4 address) const noexcept;
  bool has(const Ipv6& address) const noexcept;

 private:
  template <typename Address>
  using Ranges = std::vector<std::pair<Address, Address>>;  // first and last
  Ranges<Ipv4> v4_;
  Ranges<Ipv6> v6_;
};

}  // namespace postern
