#include "dtls_table.h"

#include <openssl/crypto.h>

#include <string_view>

namespace postern {

DtlsSecret::~DtlsSecret() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

size_t DtlsTable::Hash::operator()(const Bytes& id) const noexcept {
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(id.data()), id.size()});
}

void DtlsTable::enter(DtlsCandidate candidate) {
  std::lock_guard lock(mutex_);
  byId_.insert_or_assign(candidate.offer->id, std::move(candidate));
}

void DtlsTable::remove(ByteView id, uint32_t tunnel) {
  std::lock_guard lock(mutex_);
  const auto found = byId_.find(Bytes(id.begin(), id.end()));
  if (found != byId_.end() && found->second.tunnel == tunnel) byId_.erase(found);
}

std::optional<DtlsCandidate> DtlsTable::find(ByteView id) const {
  std::lock_guard lock(mutex_);
  const auto found = byId_.find(Bytes(id.begin(), id.end()));
  if (found == byId_.end()) return std::nullopt;
  return found->second;
}

uint32_t DtlsTable::tunnelOf(ByteView id, bool& helloVerify) const {
  std::lock_guard lock(mutex_);
  const auto found = byId_.find(Bytes(id.begin(), id.end()));
  if (found == byId_.end()) return 0;
  helloVerify = found->second.offer->helloVerify;
  return found->second.tunnel;
}

size_t DtlsTable::size() const {
  std::lock_guard lock(mutex_);
  return byId_.size();
}

}  // namespace postern
