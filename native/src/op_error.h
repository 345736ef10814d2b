// Makes an OpError from errno or from OpenSSL's error queue.
#pragma once
#include <string>

#include "worker_pool.h"

namespace postern {

// code = the errno's name ("EADDRINUSE"); message = `what`, then the system's text.
OpError errnoError(int error, std::string op, const std::string& what);
// Text of the oldest error in this thread's OpenSSL queue, which is emptied.
std::string opensslReason();

}  // namespace postern
