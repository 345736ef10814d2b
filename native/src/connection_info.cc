#include "connection_info.h"

#include <netinet/in.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <string_view>

namespace postern {
namespace {

void put(Bytes& out, uint32_t value, int width) {
  for (int i = 0; i < width; ++i) out.push_back(static_cast<uint8_t>(value >> 8 * i));
}

void putField(Bytes& out, std::string_view text) {
  put(out, static_cast<uint32_t>(text.size()), 4);
  out.insert(out.end(), text.begin(), text.end());
}

void putCertificate(Bytes& out, X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509(certificate, &der);
  if (length <= 0) return;
  putField(out, {reinterpret_cast<char*>(der), static_cast<size_t>(length)});
  OPENSSL_free(der);
}

// What the peer calls us is hostile text: letters, digits, dot, hyphen and underscore, lower-cased, or nothing.
std::string serverName(SSL* ssl) {
  const char* sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  std::string name = sent != nullptr ? sent : "";
  if (name.size() > 253) return "";
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_')) return "";
  }
  return name;
}

// Of a connected socket, IP packets; 0 when the kernel does not say.
uint32_t pathMtu(int fd) {
  int mtu = 0;
  socklen_t size = sizeof mtu;
  if (::getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &size) != 0 && ::getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &size) != 0) return 0;
  return static_cast<uint32_t>(std::clamp(mtu, 0, 0xffff));
}

// verify_data of the client's first Finished, without the header of its message.
void putFinished(Bytes& out, SSL* ssl) {
  uint8_t finished[EVP_MAX_MD_SIZE];
  const size_t length = SSL_get_peer_finished(ssl, finished, sizeof finished);
  putField(out, {reinterpret_cast<char*>(finished), std::min(length, sizeof finished)});
}

// RFC 9266; older versions have no exporter that is bound to the handshake.
void putExporter(Bytes& out, SSL* ssl) {
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  uint8_t binding[32];
  const bool made = SSL_version(ssl) >= TLS1_3_VERSION &&
                    SSL_export_keying_material(ssl, binding, sizeof binding, kLabel.data(), kLabel.size(), nullptr, 0, 0) == 1;
  putField(out, {reinterpret_cast<char*>(binding), made ? sizeof binding : 0});
}

// Empty for a connection that no proxy passes on.
Endpoint proxyOf(int fd, bool proxied) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (!proxied || ::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return endpointOf(address);
}

}  // namespace

Bytes connectionInfo(SSL* ssl, const Endpoint& peer, const Endpoint& local, bool proxied) {
  const Endpoint proxy = proxyOf(SSL_get_fd(ssl), proxied);
  Bytes out;
  put(out, peer.port, 2);
  put(out, local.port, 2);
  put(out, static_cast<uint32_t>(SSL_get_verify_result(ssl)), 4);
  put(out, proxied ? 0 : pathMtu(SSL_get_fd(ssl)), 2);
  put(out, proxy.port, 2);
  putField(out, peer.address);
  putField(out, local.address);
  putField(out, serverName(ssl));
  putField(out, SSL_get_version(ssl));
  putField(out, SSL_get_cipher_name(ssl));
  putField(out, proxy.address);
  putFinished(out, ssl);
  putExporter(out, ssl);
  if (X509* leaf = SSL_get0_peer_certificate(ssl)) {
    putCertificate(out, leaf);
    STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);  // on a server without the leaf
    for (int i = 0; i < sk_X509_num(chain); ++i) putCertificate(out, sk_X509_value(chain, i));
  }
  return out;
}

}  // namespace postern
