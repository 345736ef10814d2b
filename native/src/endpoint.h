// A listening address.
#pragma once
#include <cstdint>
#include <string>

namespace postern {

struct Endpoint {
  std::string address;  // numeric
  uint16_t port = 0;
};

}  // namespace postern
