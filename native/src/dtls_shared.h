// What the workers of a pool share for DTLS.
#pragma once
#include "channel_sources.h"
#include "dtls_cookies.h"
#include "dtls_handshakes.h"
#include "dtls_table.h"
#include "peer_directory.h"

namespace postern {

struct DtlsShared {
  DtlsShared(uint32_t workerCount, DtlsHandshakes::Context context) : workers(workerCount), handshakes(std::move(context)) {}
  const uint32_t workers;
  DtlsTable table;
  DtlsCookies cookies;
  PeerDirectory peers;
  ChannelSources sources;
  DtlsHandshakes handshakes;
};

}  // namespace postern
