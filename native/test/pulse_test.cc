#include "pulse.h"

#include <doctest/doctest.h>

using postern::Pulse;

TEST_CASE("a thread lives that has answered the last question, however late the next one comes") {
  Pulse pulse;
  CHECK(pulse.ask());
  pulse.answer();
  pulse.answer();
  CHECK(pulse.ask());
}

TEST_CASE("a thread that does not answer is dead until it does") {
  Pulse pulse;
  CHECK(pulse.ask());
  CHECK_FALSE(pulse.ask());
  CHECK_FALSE(pulse.ask());
  pulse.answer();
  CHECK(pulse.ask());
  CHECK_FALSE(pulse.ask());
}
