// Payload of the `connection` event.
#pragma once
#include <openssl/ssl.h>

#include "listener.h"

namespace postern {

// Little endian: u16 peer port, u16 local port, u32 verify result, u16 path MTU (0 = unknown), u16 proxy port, then fields of u32 length and bytes: peer address,
// local address, server name ("" = none), TLS version, cipher, proxy address ("" = none), the peer's Finished, the exporter of RFC 9266 ("" = none),
// and each DER certificate of the peer, leaf first.
// native/connection_info.ts reads it.
Bytes connectionInfo(SSL* ssl, const Endpoint& peer, const Endpoint& local, bool proxied);

}  // namespace postern
