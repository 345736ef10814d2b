// The same for the tests.
#include <doctest/doctest.h>

#include "prelude.h"
