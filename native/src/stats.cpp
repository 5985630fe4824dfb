#include "stats.h"

#include <bpf/bpf.h>

#include <cerrno>

#include "error.h"

namespace bpflow {

Stats::Stats(const Napi::CallbackInfo& info) : Stats(info, AddonState::takeResources<Stats>(info)) {}

Napi::Function Stats::define(Napi::Env env) {
  return DefineClass(
      env, "BpfStats",
      {
          InstanceMethod<&Stats::closeFromScript>("close", napi_default_method),
          InstanceMethod<&Stats::closeFromScript>(Napi::Symbol::WellKnown(env, "dispose"), napi_default_method),
      });
}

Napi::Value Stats::enable(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  FileDescriptor fd(bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (!fd.valid()) {
    raise(env, {.code = "system",
                .operation = "enable_stats",
                .message = "Cannot switch run statistics on (CAP_SYS_ADMIN, Linux 5.8)",
                .number = errno});
  }
  AddonState& state = AddonState::of(env);
  return state.create<Stats>({state, std::move(fd)})->Value();
}

}  // namespace bpflow
