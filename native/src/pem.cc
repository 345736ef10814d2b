#include "pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace postern::pem {
namespace {

int noPassword(char*, int, int, void*) { return -1; }

struct FreeBio {
  void operator()(BIO* p) const noexcept { BIO_free(p); }
};
using Source = std::unique_ptr<BIO, FreeBio>;
Source open(const std::string& text) { return Source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

}  // namespace

std::vector<Certificate> certificates(const std::string& text) {
  ERR_clear_error();
  std::vector<Certificate> all;
  const Source source = open(text);
  while (X509* one = PEM_read_bio_X509(source.get(), nullptr, noPassword, nullptr)) all.emplace_back(one);
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!ended) all.clear();
  return all;
}

Key privateKey(const std::string& text) {
  ERR_clear_error();
  const Source source = open(text);
  Key key(PEM_read_bio_PrivateKey(source.get(), nullptr, noPassword, nullptr));
  ERR_clear_error();
  return key;
}

}  // namespace postern::pem
