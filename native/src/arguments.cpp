#include "arguments.h"

#include "error.h"

namespace bpflow {

namespace {

[[noreturn]] void raiseWrongType(Napi::Env env, const char* operation, const char* what, const char* wanted) {
  raiseMisuse(env, operation, std::string(operation) + ": " + what + " must be " + wanted);
}

}  // namespace

void raiseMisuse(Napi::Env env, const char* operation, const std::string& message, const std::string& subject) {
  raise(env, {.code = "misuse", .operation = operation, .message = message, .subject = subject});
}

std::string stringArgument(const Napi::CallbackInfo& info, size_t index, const char* operation, const char* what) {
  const Napi::Value value = info[index];
  if (!value.IsString()) raiseWrongType(info.Env(), operation, what, "a string");
  std::string text = value.As<Napi::String>();
  if (text.find('\0') != std::string::npos) raiseWrongType(info.Env(), operation, what, "a string without NUL bytes");
  return text;
}

bool booleanArgument(const Napi::CallbackInfo& info, size_t index, const char* operation, const char* what) {
  const Napi::Value value = info[index];
  if (!value.IsBoolean()) raiseWrongType(info.Env(), operation, what, "a boolean");
  return value.As<Napi::Boolean>();
}

Bytes bytesArgument(const Napi::CallbackInfo& info, size_t index, const char* operation, const char* what) {
  const Napi::Value value = info[index];
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(info.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    raiseWrongType(info.Env(), operation, what, "a Uint8Array");
  }
  return {static_cast<uint8_t*>(data), data == nullptr ? 0 : length};
}

Napi::Value option(const Napi::CallbackInfo& info, size_t index, const char* operation, const char* name) {
  const Napi::Value options = info[index];
  if (options.IsUndefined()) return options;
  if (!options.IsObject()) raiseWrongType(info.Env(), operation, "the options", "an object");
  return options.As<Napi::Object>().Get(name);
}

}  // namespace bpflow
