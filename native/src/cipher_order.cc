#include "cipher_order.h"

#include <algorithm>

#include "cipher_speed.h"

namespace postern {
namespace {

// Implementation constants.
constexpr char kAesFirst[] =
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
// Without AES in hardware the shorter key is the cheaper one.
constexpr char kChachaFirst[] =
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr char kAesFirst13[] = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
constexpr char kChachaFirst13[] = "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
constexpr char kGroups[] = "X25519:P-256:P-384";
constexpr char kApprovedGroups[] = "P-256:P-384";
constexpr char kApprovedSignatures[] =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512";

template <typename Keep>
std::string filtered(std::string_view list, Keep&& keep) {
  std::string kept;
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(':'));
    list.remove_prefix(std::min(list.size(), name.size() + 1));
    if (name.empty() || !keep(name)) continue;
    if (!kept.empty()) kept += ':';
    kept += name;
  }
  return kept;
}

bool approvedSuite13(std::string_view name) { return name == "TLS_AES_256_GCM_SHA384" || name == "TLS_AES_128_GCM_SHA256"; }

}  // namespace

CipherOrder orderCiphers(bool chachaFirst, bool fips) {
  CipherOrder order{chachaFirst ? kChachaFirst : kAesFirst, chachaFirst ? kChachaFirst13 : kAesFirst13, kGroups, ""};
  if (!fips) return order;
  return {filtered(order.tls12, approvedSuite), filtered(order.tls13, approvedSuite13), kApprovedGroups, kApprovedSignatures};
}

CipherOrder cipherOrder(bool fips) { return orderCiphers(processorPrefersChacha(), fips); }

bool approvedSuite(std::string_view name) noexcept {
  for (const std::string_view end : {"AES256-GCM-SHA384", "AES128-GCM-SHA256"}) {
    if (name.ends_with(end) && (name.size() == end.size() || name[name.size() - end.size() - 1] == '-')) return true;
  }
  return false;
}

std::shared_ptr<const DtlsOffer> approvedOffer(const std::shared_ptr<const DtlsOffer>& offer) {
  if (offer == nullptr) return nullptr;
  std::string left = filtered(offer->ciphers, approvedSuite);
  if (left.empty()) return nullptr;
  if (left == offer->ciphers) return offer;
  auto other = std::make_shared<DtlsOffer>(*offer);
  other->ciphers = std::move(left);
  return other;
}

}  // namespace postern
