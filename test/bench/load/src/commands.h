// What main can run. Each prints one JSON line; 0 when all went as it must, 1 when not; throws for what it cannot even try.
#pragma once
#include <span>

#include "options.h"

namespace load {

struct Command {
  const char* name;
  int (*run)(const Options&);
};
extern const std::span<const Command> kCommands;

int runSteps(const Options& options);
int runUp(const Options& options);
int runDown(const Options& options);
int runEcho(const Options& options);
int runProbe(const Options& options);
int runHold(const Options& options);
int runSink(const Options& options);
int runTun(const Options& options);
int runLogin(const Options& options);
int runAttack(const Options& options);
int runRelay(const Options& options);
int runSelfcheck(const Options& options);
int runStorm(const Options& options);
int runResume(const Options& options);

}  // namespace load
