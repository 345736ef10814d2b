#include "router.h"

#include <cstring>

#include "network_routes.h"

namespace postern {
namespace {

RouteTable<2>::Key key6(const Ipv6& address) noexcept {
  RouteTable<2>::Key key;
  std::memcpy(key.data(), address.data(), address.size());
  return key;
}

}  // namespace

struct Router::Impl {
  RouteTable<1> ipv4;
  RouteTable<2> ipv6;
  NetworkRoutes<1> networks4;
  NetworkRoutes<2> networks6;
};

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;

void Router::insert(Ipv4 address, Route route) { impl_->ipv4.insert({address}, route); }
void Router::insert(const Ipv6& address, Route route) { impl_->ipv6.insert(key6(address), route); }
void Router::insert(const IpPrefix& network, Route route) {
  if (network.ipv6) impl_->networks6.insert(addressWords6(network.bytes), network.length, route);
  else impl_->networks4.insert(addressWords4(network.bytes), network.length, route);
}
void Router::remove(Ipv4 address, uint32_t tunnel) { impl_->ipv4.remove({address}, tunnel); }
void Router::remove(const Ipv6& address, uint32_t tunnel) { impl_->ipv6.remove(key6(address), tunnel); }
void Router::remove(const IpPrefix& network, uint32_t tunnel) {
  if (network.ipv6) impl_->networks6.remove(addressWords6(network.bytes), network.length, tunnel);
  else impl_->networks4.remove(addressWords4(network.bytes), network.length, tunnel);
}

Route Router::find(Ipv4 address) const noexcept {
  const Route route = impl_->ipv4.find({address});
  return route.tunnel != 0 ? route : impl_->networks4.find({uint64_t{address} << 32});
}
Route Router::find(const Ipv6& address) const noexcept {
  const Route route = impl_->ipv6.find(key6(address));
  return route.tunnel != 0 ? route : impl_->networks6.find(addressWords6(address));
}

size_t Router::size() const noexcept { return impl_->ipv4.size() + impl_->ipv6.size(); }

}  // namespace postern
