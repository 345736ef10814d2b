#include "waiting_room.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <vector>

using postern::Admission;
using postern::WaitingRoom;

namespace {

int descriptor() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool isOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
Admission::Source at(uint64_t key) { return {key, false}; }

}  // namespace

TEST_CASE("guests of a source begin in the order they came, until their source may not") {
  WaitingRoom room(10);
  for (int64_t i = 0; i < 3; ++i) CHECK(room.enter(at(1), {descriptor(), {}, i}) == -1);
  CHECK(room.enter(at(2), {descriptor(), {}, 3}) == -1);
  CHECK(room.size() == 4);
  std::vector<int64_t> first;
  room.serve([&](const Admission::Source& source, const WaitingRoom::Guest& guest) {
    if (source.key == 1 && first.size() == 2) return false;
    if (source.key == 2) return false;
    ::close(guest.fd);
    first.push_back(guest.since);
    return true;
  });
  CHECK(first == std::vector<int64_t>{0, 1});
  CHECK(room.size() == 2);
  CHECK(room.holds(at(1)));
  CHECK_FALSE(room.holds(at(3)));
}

TEST_CASE("with all places taken the most crowded source gives way to one that has fewer, its last guest first") {
  WaitingRoom room(4);
  const int office = descriptor(), last = descriptor();
  CHECK(room.enter(at(1), {descriptor(), {}, 0}) == -1);
  CHECK(room.enter(at(1), {descriptor(), {}, 1}) == -1);
  CHECK(room.enter(at(1), {descriptor(), {}, 2}) == -1);
  CHECK(room.enter(at(1), {last, {}, 3}) == -1);
  const int more = descriptor();
  CHECK(room.enter(at(1), {more, {}, 4}) == more);
  CHECK(room.enter(at(2), {office, {}, 5}) == last);
  CHECK(room.enter(at(2), {descriptor(), {}, 6}) != -1);  // three and two would be two and three
  CHECK(room.size() == 4);
}

TEST_CASE("who waited too long leaves, and who is left is closed with the room") {
  const int late = descriptor(), fresh = descriptor();
  {
    WaitingRoom room(4);
    room.enter(at(1), {late, {}, 100});
    room.enter(at(1), {fresh, {}, 200});
    CHECK(room.takeLate(99) == -1);
    CHECK(room.takeLate(150) == late);
    CHECK(room.takeLate(150) == -1);
    CHECK(room.size() == 1);
    ::close(late);
    CHECK(isOpen(fresh));
  }
  CHECK_FALSE(isOpen(fresh));
}

TEST_CASE("a room without places takes nobody") {
  WaitingRoom room(0);
  const int fd = descriptor();
  CHECK(room.enter(at(1), {fd, {}, 0}) == fd);
  ::close(fd);
}
