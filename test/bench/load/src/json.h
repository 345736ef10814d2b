// One JSON object on one line.
#pragma once
#include <cmath>
#include <cstdio>

#include "bytes.h"

namespace load {

class Json {
 public:
  Json& add(const std::string& name, const std::string& text) { return raw(name, quote(text)); }
  Json& add(const std::string& name, const char* text) { return add(name, std::string(text)); }
  Json& add(const std::string& name, bool value) { return raw(name, value ? "true" : "false"); }
  Json& add(const std::string& name, const Json& value) { return raw(name, value.text()); }
  template <typename T>
    requires std::is_arithmetic_v<T>
  Json& add(const std::string& name, T value) {
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) return raw(name, "null");
      char text[40];
      std::snprintf(text, sizeof text, "%.6g", double(value));
      return raw(name, text);
    } else {
      return raw(name, std::to_string(value));
    }
  }
  Json& raw(const std::string& name, const std::string& value) {
    if (!body_.empty()) body_ += ',';
    body_ += quote(name) + ':' + value;
    return *this;
  }
  std::string text() const { return '{' + body_ + '}'; }
  void print() const {
    std::printf("%s\n", text().c_str());
    std::fflush(stdout);
  }
  static std::string quote(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\', out += c;
      else if (static_cast<unsigned char>(c) < 0x20) {
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
        out += escaped;
      } else {
        out += c;
      }
    }
    return out + '"';
  }

 private:
  std::string body_;
};

}  // namespace load
