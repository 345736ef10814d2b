#include "tls_secrets.h"

#include <openssl/crypto.h>

#include <cstring>
#include <new>
#include <string_view>

namespace postern {
namespace {

// Specification constants, RFC 8446 sections 4 and 5.1.
constexpr uint8_t kChangeCipherSpec = 20, kKeyUpdate = 24;

void freeSecrets(void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
  auto* secrets = static_cast<TlsSecrets*>(held);
  if (secrets == nullptr) return;
  OPENSSL_cleanse(secrets, sizeof *secrets);
  delete secrets;
}

int place() noexcept {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, freeSecrets);
  return index;
}

TlsSecrets* secretsOf(SSL* ssl) noexcept {
  auto* secrets = static_cast<TlsSecrets*>(SSL_get_ex_data(ssl, place()));
  if (secrets != nullptr) return secrets;
  secrets = new (std::nothrow) TlsSecrets;
  if (secrets != nullptr && SSL_set_ex_data(ssl, place(), secrets) == 1) return secrets;
  delete secrets;
  return nullptr;
}

uint8_t nibble(char c) noexcept { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); }

// LABEL, client random and secret, in hexadecimal, with spaces between. Each secret begins a series of records.
void onLine(const SSL* watched, const char* text) {
  const std::string_view line(text);
  const bool client = line.starts_with("CLIENT_TRAFFIC_SECRET_0 ");
  if (!client && !line.starts_with("SERVER_TRAFFIC_SECRET_0 ")) return;
  const std::string_view hex = line.substr(line.rfind(' ') + 1);
  TlsSecrets* secrets = secretsOf(const_cast<SSL*>(watched));
  if (secrets == nullptr || hex.size() % 2 != 0 || hex.size() / 2 > sizeof secrets->read) return;
  secrets->length = hex.size() / 2;
  uint8_t* into = client ? secrets->read : secrets->write;
  for (size_t i = 0; i < secrets->length; ++i) into[i] = static_cast<uint8_t>(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
  (client ? secrets->readRecords : secrets->writeRecords) = 0;
}

void onMessage(int write, int, int contentType, const void* bytes, size_t length, SSL* ssl, void*) {
  if ((contentType != SSL3_RT_HEADER && contentType != SSL3_RT_HANDSHAKE) || length == 0) return;
  TlsSecrets* secrets = secretsOf(ssl);
  if (secrets == nullptr) return;
  const uint8_t first = *static_cast<const uint8_t*>(bytes);
  if (contentType == SSL3_RT_HANDSHAKE) {
    if (first == kKeyUpdate) secrets->updated = true;
    return;
  }
  uint64_t& records = write != 0 ? secrets->writeRecords : secrets->readRecords;
  // TLS 1.2 counts from here; TLS 1.3 from its secrets, and this type means nothing.
  if (first != kChangeCipherSpec) ++records;
  else if (secrets->length == 0) records = 0;
}

}  // namespace

void watchTlsSecrets(SSL_CTX* context) noexcept {
  SSL_CTX_set_keylog_callback(context, onLine);
  SSL_CTX_set_msg_callback(context, onMessage);
}

const TlsSecrets* tlsSecrets(const SSL* ssl) noexcept { return static_cast<const TlsSecrets*>(SSL_get_ex_data(ssl, place())); }

}  // namespace postern
