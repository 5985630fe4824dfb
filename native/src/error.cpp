#include "error.h"

#include <cerrno>

#include "addon_state.h"
#include "errno_name.h"

namespace bpflow {

namespace {

std::string sentence(const Failure& failure) {
  std::string text = failure.message;
  if (failure.number != 0) {
    const std::string name = errnoName(failure.number);
    text += ": " + (name.empty() ? errnoText(failure.number) : name + " (" + errnoText(failure.number) + ")");
  }
  if (!failure.cause.empty()) text += ": " + failure.cause;
  if (text.back() != '.') text += '.';
  if (failure.number == EPERM) {
    text += " BPF needs root or the capabilities CAP_BPF, CAP_PERFMON and, for networks, CAP_NET_ADMIN";
    text += " (before Linux 5.8 CAP_SYS_ADMIN).";
  }
  return text;
}

void setText(Napi::Object fields, const char* name, const std::string& text) {
  if (!text.empty()) fields.Set(name, text);
}

}  // namespace

void raise(Napi::Env env, const Failure& failure) {
  Napi::Object fields = Napi::Object::New(env);
  fields.Set("code", failure.code);
  fields.Set("operation", failure.operation);
  setText(fields, "errno", failure.number == 0 ? "" : errnoName(failure.number));
  setText(fields, "subject", failure.subject);
  setText(fields, "verifierLog", failure.verifierLog);
  Napi::Object error = AddonState::of(env).errorClass().New({Napi::String::New(env, sentence(failure)), fields});
  throw Napi::Error(env, error);
}

}  // namespace bpflow
