#include "commands.h"

#include "script.h"

namespace load {
namespace {

const Command kAll[] = {{"steps", runSteps}, {"up", runUp}, {"down", runDown}, {"echo", runEcho}, {"probe", runProbe}, {"hold", runHold}, {"sink", runSink}, {"tun", runTun}, {"login", runLogin}, {"storm", runStorm}, {"resume", runResume},
                        {"relay", runRelay}, {"attack", runAttack}, {"selfcheck", runSelfcheck}};

}  // namespace

const std::span<const Command> kCommands(kAll);

int runSteps(const Options& options) {
  const Plan plan(options);
  Session session(plan, 0);
  if (plan.mode != Offer::Mode::kNone && !options.has("no-dtls")) session.openDtls();
  Json result;
  const Json described = session.describe();
  Script script(session, options);
  bool ok = true;
  std::string reports;
  for (const std::string& step : options.words) {
    const Script::Report report = script.run(step);
    ok = ok && report.ok;
    reports += (reports.empty() ? "" : ",") + report.json.text();
  }
  result.add("ok", ok).add("session", described).raw("steps", '[' + reports + ']');
  if (session.dtls)
    result.add("records", Json().add("sent", session.dtls->sequence).add("received", session.dtls->seen.count()).add("duplicates", session.dtls->seen.duplicates())
                              .add("forged", session.dtls->forged).add("odd", session.dtls->odd).add("alerts", session.dtls->alerts));
  if (options.has("keep")) session.tls->drop();
  else if (session.tls->fd() >= 0) session.bye();
  result.print();
  return ok ? 0 : 1;
}

}  // namespace load
