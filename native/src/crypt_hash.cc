#include "crypt_hash.h"

#include <crypt.h>

#include <cstring>
#include <memory>

#include <openssl/crypto.h>

namespace postern {

bool cryptMatches(const std::string& hash, const std::string& password) {
  // A NUL would cut what is compared.
  if (hash.empty() || hash.find('\0') != std::string::npos || password.find('\0') != std::string::npos) return false;
  auto scratch = std::make_unique<crypt_data>();
  std::memset(scratch.get(), 0, sizeof(crypt_data));
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), scratch.get());
  // A failure is nullptr or a token that starts with '*' (crypt(3)); a hash never does.
  const bool same = made != nullptr && made[0] != '*' && std::strlen(made) == hash.size() && CRYPTO_memcmp(made, hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(scratch.get(), sizeof(crypt_data));
  return same;
}

}  // namespace postern
