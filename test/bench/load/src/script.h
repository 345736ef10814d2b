// One session, step by step: the generator as a test tool.
#pragma once
#include <functional>
#include <optional>

#include "session.h"

namespace load {

class Script {
 public:
  Script(Session& session, const Options& options);
  // `name`, `name:argument`, or `!name` for what must not succeed. Returns the step's report; its `ok` says whether it did.
  struct Report {
    bool ok = false;
    Json json;
  };
  Report run(const std::string& step);

 private:
  struct Event {
    bool dtls;
    uint8_t type;
    Bytes payload;
  };
  // Serves both channels until something comes that `wanted` accepts, or the time is over.
  std::optional<Event> await(int ms, const std::function<bool(const Event&)>& wanted);
  void take(bool dtls, uint8_t type, View payload);
  void readDtls();
  void readTls();

  Bytes echoRequest(uint16_t sequence, const std::string& target);
  // Number of the echo reply in a data event; nothing when it is none, or damaged.
  std::optional<uint16_t> echoReply(const Event& event) const;
  int repliesWithin(int ms, int enough);

  Report ping(const std::string& argument, bool dtls);
  Report dpd(const std::string& argument, bool dtls);
  Report forge(int count);
  Report replay(int count);
  Report stale(uint64_t distance);
  Report odd(const std::string& kind);
  Report spoof();
  Report waitFor(int ms);
  Bytes dataRecord(View packet);

  Session& session_;
  std::string target_;
  int replyMs_;
  uint16_t id_, next_ = 1;
  std::vector<Event> inbox_;
  bool tlsClosed_ = false, dtlsClosed_ = false;
};

}  // namespace load
