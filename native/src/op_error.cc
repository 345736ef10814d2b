#include "op_error.h"

#include <openssl/err.h>

#include <cstring>

namespace postern {

OpError errnoError(int error, std::string op, const std::string& what) {
  const char* name = strerrorname_np(error);
  const char* text = strerrordesc_np(error);
  return {name != nullptr ? name : "EUNKNOWN", std::move(op), what + ": " + (text != nullptr ? text : "unknown error")};
}

std::string opensslReason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "unknown reason";
}

}  // namespace postern
