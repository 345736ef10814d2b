// The addon's part on client certificates: trust stores as external values, verdicts as objects (native/binding.d.ts).
#pragma once
#include <napi.h>

namespace postern {

// authorities (PEM), lists (DER) -> store
Napi::Value trustStore(const Napi::CallbackInfo& info);
// store, chain (DER), seconds since 1970, stale, listed -> { error, depth, text, chain }
Napi::Value verifyChain(const Napi::CallbackInfo& info);
// leaf, issuer -> DER
Napi::Value ocspRequestOf(const Napi::CallbackInfo& info);
// store, chain, request, answer -> { status, text, revokedAt, nextUpdate }
Napi::Value ocspVerdictOf(const Napi::CallbackInfo& info);
// certificate, key, authority (DER), name, password, modern -> DER
Napi::Value pkcs12Of(const Napi::CallbackInfo& info);

}  // namespace postern
