// The exports of the addon (native/binding.d.ts) and the way of event batches to JavaScript.
#include <napi.h>

#include <atomic>

#include "addon_certificates.h"
#include "args.h"
#include "cipher_speed.h"
#include "core_dumps.h"
#include "crypt_hash.h"
#include "error.h"
#include "pool_priority.h"

namespace postern {
namespace {

// One environment owns the data plane from open to stop. All of this outlives every environment.
struct Owner {
  std::atomic<napi_env> env{nullptr};
  napi_threadsafe_function wakeup = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  EventBatch batch;
};
Owner& owner() {
  static Owner* const one = new Owner;
  return *one;
}
bool owns(napi_env env) { return owner().env.load() == env; }

// Buffer and words of the owner's batch; false in a dying environment. The native copy is wiped either way.
bool batchToJs(napi_env env, napi_value (&values)[2]) {
  EventBatch& batch = owner().batch;
  napi_value words = nullptr;
  void* at = nullptr;
  const size_t size = batch.meta.size() * sizeof(uint32_t);
  const bool good = napi_create_buffer_copy(env, batch.bytes.size(), batch.bytes.data(), nullptr, &values[0]) == napi_ok &&
                    napi_create_arraybuffer(env, size, &at, &words) == napi_ok && (size == 0 || at != nullptr) &&
                    napi_create_typedarray(env, napi_uint32_array, batch.meta.size(), words, 0, &values[1]) == napi_ok;
  if (good && size != 0) std::memcpy(at, batch.meta.data(), size);
  batch.wipe();
  return good;
}

// In the owner's thread. `env` is null when the environment is going down.
void deliver(napi_env env, napi_value onBatch, void*, void*) {
  if (env == nullptr || onBatch == nullptr || !owns(env)) return;
  DataPlane::instance().events().take(owner().batch);
  if (owner().batch.empty()) return;
  napi_value values[2], receiver, result;
  if (!batchToJs(env, values) || napi_get_undefined(env, &receiver) != napi_ok) return;
  if (napi_call_function(env, receiver, onBatch, 2, values, &result) != napi_pending_exception) return;
  napi_value error;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

void release() {
  Owner& o = owner();
  if (o.wakeup != nullptr) napi_release_threadsafe_function(std::exchange(o.wakeup, nullptr), napi_tsfn_abort);
  if (o.hook != nullptr) napi_remove_async_cleanup_hook(std::exchange(o.hook, nullptr));
  o.env.store(nullptr);
}

// worker.terminate(), natural end of an environment that forgot to stop.
void onEnvironmentEnd(napi_async_cleanup_hook_handle, void*) {
  DataPlane::instance().stop();
  DataPlane::instance().events().take(owner().batch);
  owner().batch.wipe();
  release();
}

Napi::Value openInfo(Napi::Env env, const OpenResult& result) {
  const auto texts = [&](const std::vector<std::string>& all) {
    auto array = Napi::Array::New(env, all.size());
    for (uint32_t i = 0; i < all.size(); ++i) array.Set(i, all[i]);
    return array;
  };
  const auto endpoints = [&](const std::vector<Endpoint>& all) {
    auto array = Napi::Array::New(env, all.size());
    for (uint32_t i = 0; i < all.size(); ++i) {
      auto one = Napi::Object::New(env);
      one.Set("address", all[i].address);
      one.Set("port", Napi::Number::New(env, all[i].port));
      array.Set(i, one);
    }
    return array;
  };
  auto openssl = Napi::Object::New(env);
  openssl.Set("version", result.opensslVersion);
  openssl.Set("object", result.opensslObject);
  auto info = Napi::Object::New(env);
  info.Set("device", result.device);
  info.Set("listeners", endpoints(result.listeners));
  info.Set("udp", endpoints(result.udp));
  info.Set("workers", Napi::Number::New(env, result.workers));
  info.Set("fronts", Napi::Number::New(env, result.fronts));
  info.Set("offloads", texts(result.offloads));
  info.Set("aesIsFast", Napi::Boolean::New(env, !processorPrefersChacha()));
  info.Set("openssl", openssl);
  return info;
}

class PriorityWork : public Napi::AsyncWorker {
 public:
  PriorityWork(Napi::Env env, std::shared_ptr<PoolPriority> pool) : AsyncWorker(env, "postern.priority"), pool_(std::move(pool)) {}
  void Execute() override { pool_->lower(); }

 private:
  const std::shared_ptr<PoolPriority> pool_;
};
void lowerPool(Napi::Env env) {
  const size_t threads = PoolPriority::threads();
  const auto pool = std::make_shared<PoolPriority>(threads);
  for (size_t i = 0; i < threads; ++i) (new PriorityWork(env, pool))->Queue();
}

Napi::Value open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Owner& o = owner();
  napi_env nobody = nullptr;
  if (!o.env.compare_exchange_strong(nobody, env)) {
    throwError(env, {"EBUSY", "open", nobody == static_cast<napi_env>(env) ? "the data plane is open already" : "another thread of this process owns the data plane"});
    return env.Undefined();
  }
  OpError error{"ENOMEM", "open", "node cannot make a thread-safe function"};
  OpenResult result;
  bool good = napi_create_threadsafe_function(env, info[2], nullptr, Napi::String::New(env, "postern"), 0, 1, nullptr, nullptr, nullptr, deliver, &o.wakeup) == napi_ok;
  // After the function, so that it runs before the function's own.
  good = good && napi_add_async_cleanup_hook(env, onEnvironmentEnd, nullptr, &o.hook) == napi_ok;
  good = good && DataPlane::instance().open(args::openRequest(info[0], info[1]), [wakeup = o.wakeup] { napi_call_threadsafe_function(wakeup, nullptr, napi_tsfn_nonblocking); }, result, error);
  if (good) {
    lowerPool(env);
    return openInfo(env, result);
  }
  release();
  throwError(env, error);
  return env.Undefined();
}

// The events of the end: { bytes, meta }, or undefined when nothing was open.
Napi::Value stop(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!owns(env)) return env.Undefined();
  DataPlane::instance().stop();
  DataPlane::instance().events().take(owner().batch);
  napi_value values[2];
  const bool good = batchToJs(env, values);
  release();
  if (!good) return env.Undefined();
  auto end = Napi::Object::New(env);
  end.Set("bytes", Napi::Value(env, values[0]));
  end.Set("meta", Napi::Value(env, values[1]));
  return end;
}

void configureTls(const Napi::CallbackInfo& info) {
  OpError error;
  if (!DataPlane::instance().configureTls(args::contexts(info[0]), error)) throwError(info.Env(), error);
}

// addresses, routes: one line for each that the kernel refuses
Napi::Value configureDevice(const Napi::CallbackInfo& info) {
  const auto refused = owns(info.Env()) ? DataPlane::instance().configureDevice({args::texts(info[0]), args::texts(info[1])}) : std::vector<OpError>();
  auto lines = Napi::Array::New(info.Env(), refused.size());
  for (uint32_t i = 0; i < refused.size(); ++i) lines.Set(i, refused[i].op + ": " + refused[i].message);
  return lines;
}

void send(const Napi::CallbackInfo& info, FrontCommand&& command) {
  command.handle = args::number(info[0]);
  if (owns(info.Env())) DataPlane::instance().command(std::move(command));
}
void grant(const Napi::CallbackInfo& info) {
  FrontCommand command;
  command.kind = FrontCommand::Kind::kGrant;
  command.arg = args::number(info[1]);
  send(info, std::move(command));
}
void write(const Napi::CallbackInfo& info) {
  const ByteView bytes = args::bytes(info[1]);
  FrontCommand command;
  command.kind = FrontCommand::Kind::kWrite;
  command.arg = args::flag(info[2]);
  command.bytes.assign(bytes.begin(), bytes.end());
  send(info, std::move(command));
}
void end(const Napi::CallbackInfo& info) {
  FrontCommand command;
  command.kind = FrontCommand::Kind::kEnd;
  send(info, std::move(command));
}
void destroy(const Napi::CallbackInfo& info) {
  FrontCommand command;
  command.kind = FrontCommand::Kind::kDestroy;
  command.arg = args::flag(info[1]);
  send(info, std::move(command));
}
// connection, tunnel, spec, head, early, seen
void promote(const Napi::CallbackInfo& info) {
  auto promotion = std::make_unique<Promotion>();
  if (!args::tunnelSpec(info[2], promotion->spec)) return throwError(info.Env(), {"EINVAL", "promote", "an address of the tunnel or its filter is not numeric"});
  const ByteView head = args::bytes(info[3]), early = args::bytes(info[4]);
  promotion->tunnel = args::number(info[1]);
  promotion->pendingOut.assign(head.begin(), head.end());
  promotion->early.assign(early.begin(), early.end());
  FrontCommand command;
  command.kind = FrontCommand::Kind::kPromote;
  command.arg = args::number(info[5]);
  command.promotion = std::move(promotion);
  send(info, std::move(command));
}
void updateTunnel(const Napi::CallbackInfo& info) {
  TunnelSpec spec;
  if (!args::tunnelSpec(info[1], spec)) return throwError(info.Env(), {"EINVAL", "updateTunnel", "an address of the tunnel or its filter is not numeric"});
  if (owns(info.Env())) DataPlane::instance().update(args::number(info[0]), spec);
}
void drop(const Napi::CallbackInfo& info) {
  if (owns(info.Env())) DataPlane::instance().drop(args::number(info[0]), static_cast<DropHow>(args::number(info[1])), args::text(info[2]));
}
// tunnel, BigUint64Array of 13: false for an unknown tunnel
Napi::Value counters(const Napi::CallbackInfo& info) {
  TunnelCounterWords words{};
  const bool known = owns(info.Env()) && DataPlane::instance().counters(args::number(info[0]), words);
  auto into = info[1].As<Napi::BigUint64Array>();
  for (size_t i = 0; i < words.size() && i < into.ElementLength(); ++i) into[i] = words[i];
  return Napi::Boolean::New(info.Env(), known);
}
Napi::Value dtlsSecret(const Napi::CallbackInfo& info) {
  const DtlsSecret secret = owns(info.Env()) ? DataPlane::instance().dtlsSecret(args::bytes(info[0])) : DtlsSecret();
  if (secret.bytes.empty()) return info.Env().Undefined();
  return Napi::Buffer<uint8_t>::Copy(info.Env(), secret.bytes.data(), secret.bytes.size());
}
// One password, on a thread of libuv's pool: hash, password -> Promise<boolean>
class CryptWork : public Napi::AsyncWorker {
 public:
  CryptWork(Napi::Env env, std::string hash, std::string password)
      : AsyncWorker(env, "postern.crypt"), promise_(Napi::Promise::Deferred::New(env)), hash_(std::move(hash)), password_(std::move(password)) {}
  ~CryptWork() override { OPENSSL_cleanse(password_.data(), password_.size()); }
  Napi::Promise promise() const { return promise_.Promise(); }
  void Execute() override { matches_ = cryptMatches(hash_, password_); }
  void OnOK() override { promise_.Resolve(Napi::Boolean::New(Env(), matches_)); }
  void OnError(const Napi::Error& error) override { promise_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred promise_;
  std::string hash_, password_;
  bool matches_ = false;
};
Napi::Value crypt(const Napi::CallbackInfo& info) {
  auto* work = new CryptWork(info.Env(), args::text(info[0]), args::text(info[1]));
  const Napi::Promise promise = work->promise();
  work->Queue();
  return promise;
}
Napi::Value alive(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), owns(info.Env()) && DataPlane::instance().alive()); }
void stats(const Napi::CallbackInfo& info) {
  const auto words = DataPlane::instance().stats();
  auto into = info[0].As<Napi::BigUint64Array>();
  for (size_t i = 0; i < words.size() && i < into.ElementLength(); ++i) into[i] = words[i];
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  const auto add = [&](const char* name, auto callback) { exports.Set(name, Napi::Function::New(env, callback, name)); };
  add("open", open);
  add("stop", stop);
  add("configureTls", configureTls);
  add("configureDevice", configureDevice);
  add("grant", grant);
  add("write", write);
  add("end", end);
  add("destroy", destroy);
  add("promote", promote);
  add("updateTunnel", updateTunnel);
  add("drop", drop);
  add("dtlsSecret", dtlsSecret);
  add("counters", counters);
  add("crypt", crypt);
  add("trustStore", trustStore);
  add("verifyChain", verifyChain);
  add("ocspRequest", ocspRequestOf);
  add("ocspVerdict", ocspVerdictOf);
  add("pkcs12", pkcs12Of);
  add("alive", alive);
  add("stats", stats);
  add("forbidCoreDumps", [](const Napi::CallbackInfo&) { forbidCoreDumps(); });
  return exports;
}

}  // namespace
}  // namespace postern

static Napi::Object initialise(Napi::Env env, Napi::Object exports) { return postern::init(env, exports); }
NODE_API_MODULE(postern, initialise)
