#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace bpflow {

using Bytes = std::span<uint8_t>;

/** The arguments of calls, checked. Each throws a `BpfError` with the code `misuse` that names the call and the
 * argument. */
std::string stringArgument(const Napi::CallbackInfo& info, size_t index, const char* operation, const char* what);
bool booleanArgument(const Napi::CallbackInfo& info, size_t index, const char* operation, const char* what);
Bytes bytesArgument(const Napi::CallbackInfo& info, size_t index, const char* operation, const char* what);

/** Property `name` of the options object at `index`; undefined where there is no object. */
Napi::Value option(const Napi::CallbackInfo& info, size_t index, const char* operation, const char* name);

[[noreturn]] void raiseMisuse(Napi::Env env, const char* operation, const std::string& message,
                              const std::string& subject = {});

}  // namespace bpflow
