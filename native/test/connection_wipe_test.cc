#include <doctest/doctest.h>
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "connection.h"

namespace {

constexpr std::string_view kCookie = "webvpn=0123456789";
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
  if (watching && p != nullptr && memmem(p, malloc_usable_size(p), kCookie.data(), kCookie.size()) != nullptr) ++leaks;
  std::free(p);
}
void operator delete(void* p, size_t) noexcept { ::operator delete(p); }

using namespace postern;

TEST_CASE("an answer that waits leaves no copy behind, however much comes after it") {
  Admission admission(1, 1, 1);
  const Admission::Source source;
  REQUIRE(admission.enter(source) == Admission::Verdict::kAdmitted);
  sockaddr_storage peer{};
  peer.ss_family = AF_INET;
  watching = true;
  {
    Connection connection(1, -1, peer, admission, source);
    connection.append({reinterpret_cast<const uint8_t*>(kCookie.data()), kCookie.size()});
    const Bytes more(100, 'x');
    for (int i = 0; i < 100; ++i) connection.append(more);
    CHECK(connection.backlog() == kCookie.size() + 100 * more.size());
  }
  watching = false;
  CHECK(leaks == 0);
}
