// What the command line says.
#pragma once
#include <map>

#include "bytes.h"

namespace load {

class Options {
 public:
  // `--name value` or `--name` alone for a switch; the rest are words. Throws for names not in `known` (`name` or `name=`).
  Options(int argc, char** argv);

  bool has(const std::string& name) const { return values_.count(name) > 0; }
  std::string text(const std::string& name, const std::string& otherwise = {}) const;
  // Numbers may end in k, M or G (decimal).
  double number(const std::string& name, double otherwise) const;
  std::vector<std::string> list(const std::string& name) const;
  std::string command;
  std::vector<std::string> words;

 private:
  std::map<std::string, std::string> values_;
};

std::vector<std::string> split(const std::string& text, char by);
double toNumber(const std::string& text);

}  // namespace load
