// A key and its certificate as a password-protected file (PKCS #12, RFC 7292) that GnuTLS, OpenSSL, Windows, macOS and iOS read.
#pragma once
#include <string>

#include "bytes.h"

namespace postern {

// DER in (`key` is PKCS #8), DER out; empty when something cannot be read. Triple DES and SHA-1 protect it: what Apple's systems of
// before 2024 and Windows of before 2018 know. With `modern` AES-256 and SHA-256, for gateways in FIPS mode.
Bytes pkcs12(ByteView certificate, ByteView key, ByteView authority, const std::string& name, const std::string& password, bool modern);

}  // namespace postern
