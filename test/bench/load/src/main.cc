// postern-load: clients by the thousand, or one that misbehaves. See README.md beside this folder.
#include <csignal>
#include <cstdio>

#include "commands.h"
#include "json.h"

int main(int argc, char** argv) {
  using namespace load;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const Options options(argc, argv);
    for (const Command& command : kCommands)
      if (options.command == command.name) return command.run(options);
    std::string names;
    for (const Command& command : kCommands) names += std::string(" ") + command.name;
    throw Failure(options.command.empty() ? "which command? There is" + names : "no such command: " + options.command + "; there is" + names);
  } catch (const std::exception& error) {
    Json().add("ok", false).add("error", error.what()).print();
    std::fprintf(stderr, "postern-load: %s\n", error.what());
    return 2;
  }
}
