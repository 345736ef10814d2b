#include "addon_certificates.h"

#include "args.h"
#include "chain_verifier.h"
#include "error.h"
#include "ocsp_check.h"
#include "pkcs12.h"

namespace postern {
namespace {

std::vector<ByteView> views(const Napi::Value& value) {
  std::vector<ByteView> all;
  args::forEach(value, [&](const Napi::Value& one) { all.push_back(args::bytes(one)); });
  return all;
}

Napi::Value buffer(Napi::Env env, const Bytes& bytes) { return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size()); }

const TrustStore* storeOf(const Napi::Value& value) { return value.IsExternal() ? value.As<Napi::External<TrustStore>>().Data() : nullptr; }

}  // namespace

Napi::Value trustStore(const Napi::CallbackInfo& info) {
  OpError error;
  auto made = TrustStore::create(args::text(info[0]), views(info[1]), error);
  if (made == nullptr) {
    throwError(info.Env(), error);
    return info.Env().Undefined();
  }
  return Napi::External<TrustStore>::New(info.Env(), made.release(), [](Napi::Env, TrustStore* store) { delete store; });
}

Napi::Value verifyChain(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const TrustStore* store = storeOf(info[0]);
  if (store == nullptr) return env.Undefined();
  const int64_t at = info[2].IsNumber() ? info[2].As<Napi::Number>().Int64Value() : 0;
  const ChainVerdict verdict = store->verify(views(info[1]), at, args::flag(info[3]), args::flag(info[4]));
  auto chain = Napi::Array::New(env, verdict.chain.size());
  for (uint32_t i = 0; i < verdict.chain.size(); ++i) chain.Set(i, buffer(env, verdict.chain[i]));
  auto result = Napi::Object::New(env);
  result.Set("error", Napi::Number::New(env, verdict.error));
  result.Set("depth", Napi::Number::New(env, verdict.depth));
  result.Set("text", verdict.text);
  result.Set("chain", chain);
  return result;
}

Napi::Value ocspRequestOf(const Napi::CallbackInfo& info) { return buffer(info.Env(), ocspRequest(args::bytes(info[0]), args::bytes(info[1]))); }

Napi::Value ocspVerdictOf(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const TrustStore* store = storeOf(info[0]);
  if (store == nullptr) return env.Undefined();
  const OcspVerdict verdict = ocspVerdict(*store, views(info[1]), args::bytes(info[2]), args::bytes(info[3]));
  auto result = Napi::Object::New(env);
  result.Set("status", verdict.status);
  result.Set("text", verdict.text);
  result.Set("revokedAt", Napi::Number::New(env, static_cast<double>(verdict.revokedAt)));
  result.Set("nextUpdate", Napi::Number::New(env, static_cast<double>(verdict.nextUpdate)));
  return result;
}

Napi::Value pkcs12Of(const Napi::CallbackInfo& info) {
  std::string password = args::text(info[4]);
  const Bytes der = pkcs12(args::bytes(info[0]), args::bytes(info[1]), args::bytes(info[2]), args::text(info[3]), password, args::flag(info[5]));
  OPENSSL_cleanse(password.data(), password.size());
  return buffer(info.Env(), der);
}

}  // namespace postern
