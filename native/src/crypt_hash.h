// Passwords against hashes of crypt(3), by the system's libcrypt. Any thread; takes as long as the hash asks for, so the
// caller decides which hashes are worth it (core/crypt.ts).
#pragma once
#include <string>

namespace postern {

// Whether crypt(3) of the password, with the settings in `hash`, is `hash`. False for what libcrypt does not know.
bool cryptMatches(const std::string& hash, const std::string& password);

}  // namespace postern
