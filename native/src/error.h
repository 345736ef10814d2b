// OpError to a JavaScript exception; native/index.ts makes a DataPlaneError of it.
#pragma once
#include <napi.h>

#include "worker_pool.h"

namespace postern {

inline void throwError(Napi::Env env, const OpError& error) {
  Napi::Error thrown = Napi::Error::New(env, error.message);
  thrown.Set("errno", Napi::String::New(env, error.code));
  thrown.Set("op", Napi::String::New(env, error.op));
  thrown.ThrowAsJavaScriptException();
}

}  // namespace postern
