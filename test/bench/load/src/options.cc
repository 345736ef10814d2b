#include "options.h"

#include <cstdlib>
#include <set>

namespace load {
namespace {

const std::set<std::string> kSwitches = {"password-stdin", "ems", "gro", "no-gso", "keep", "no-dtls"};
const std::set<std::string> kValues = {
    "server", "port", "udp-port", "user", "users", "sessions", "mode", "suite", "agent", "tls", "source", "cookies", "save-cookies", "threads",
    "size", "seconds", "rate", "window", "target", "target-port", "listen", "dpd", "drop", "drop-in", "interval", "active", "path", "loss",
    "device", "count", "fault", "forge", "fault-up", "udp-server", "segments", "settle", "relay-to", "handshakes", "group", "limit", "base-mtu",
};

}  // namespace

Options::Options(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) {
      if (command.empty()) command = word;
      else words.push_back(word);
      continue;
    }
    const std::string name = word.substr(2);
    if (kSwitches.count(name)) values_[name] = "";
    else if (kValues.count(name)) {
      if (++i >= argc) throw Failure("--" + name + " needs a value");
      values_[name] = argv[i];
    } else {
      throw Failure("unknown option --" + name);
    }
  }
}

std::string Options::text(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second;
}

double Options::number(const std::string& name, double otherwise) const { return has(name) ? toNumber(text(name)) : otherwise; }

std::vector<std::string> Options::list(const std::string& name) const { return has(name) ? split(text(name), ',') : std::vector<std::string>{}; }

double toNumber(const std::string& text) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  if (end == text.c_str() || (unit != "" && unit != "k" && unit != "M" && unit != "G")) throw Failure("not a number: " + text);
  return value * (unit == "k" ? 1e3 : unit == "M" ? 1e6 : unit == "G" ? 1e9 : 1);
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (;;) {
    const size_t to = text.find(by, from);
    parts.push_back(text.substr(from, to == std::string::npos ? to : to - from));
    if (to == std::string::npos) return parts;
    from = to + 1;
  }
}

}  // namespace load
