#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "dtls_hellos.h"

namespace {

const postern::Bytes kSecret(16, 0xc5);
bool watching = false;
int leaks = 0;

}  // namespace

// Of this binary: looks into memory on its way back.
void* operator new(size_t size) {
  void* p = std::malloc(size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void operator delete(void* p) noexcept {
  if (watching && p != nullptr && memmem(p, malloc_usable_size(p), kSecret.data(), kSecret.size()) != nullptr) ++leaks;
  std::free(p);
}
void operator delete(void* p, size_t) noexcept { ::operator delete(p); }

using namespace postern;
using namespace postern::test;

namespace {
struct Watch {
  Watch() { leaks = 0, watching = true; }
  ~Watch() { watching = false; }
};
DtlsCandidate candidate(uint32_t tunnel, uint8_t id, uint8_t fill = 0xc5) {
  auto offer = std::make_shared<DtlsOffer>();
  offer->id = {id};
  offer->masterSecret.assign(48, fill);
  DtlsSecret secret;
  secret.bytes.assign(48, fill);
  return {tunnel, 0, offer, secret};
}
}  // namespace

TEST_CASE("the watch sees a secret that is left behind") {
  Watch watch;
  { const Bytes secret(48, 0xc5); }
  CHECK(leaks == 1);
}

TEST_CASE("the table wipes secrets that are replaced, removed, or copied out") {
  Watch watch;
  {
    DtlsTable table;
    table.enter(candidate(1, 1));
    table.enter(candidate(2, 1, 0x11));  // in the place of the first
    table.enter(candidate(3, 2));
    auto found = table.find(Bytes{2});
    REQUIRE(found);
    found->secret = DtlsSecret(Bytes(48, 0x22));
    found = table.find(Bytes{2});
    found = table.find(Bytes{1});
    table.remove(Bytes{2}, 3);
    table.enter(candidate(4, 3));
  }
  CHECK(leaks == 0);
}
