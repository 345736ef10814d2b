#include "tunnel_spec.h"

#include <unistd.h>

namespace postern {

Promotion::~Promotion() {
  if (ssl != nullptr) SSL_free(ssl);
  if (fd >= 0) ::close(fd);
  OPENSSL_cleanse(early.data(), early.size());
}

}  // namespace postern
