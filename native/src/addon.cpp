#include <bpf/libbpf.h>
#include <napi.h>

#include "addon_state.h"
#include "arguments.h"
#include "bpf_link.h"
#include "bpf_map.h"
#include "bpf_object.h"
#include "bpf_program.h"
#include "capabilities.h"
#include "host_memory.h"
#include "libbpf_log.h"
#include "pin.h"
#include "ring_buffer.h"
#include "stats.h"

namespace bpflow {

namespace {

/** `bind(BpfError)`: makes the `Bpf` of this environment, whose errors are instances of the class given. */
Napi::Value bind(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "bind takes the class BpfError");
  AddonState::of(env).setErrorClass(info[0].As<Napi::Function>());

  Napi::Object bpf = Napi::Object::New(env);
  const int cpus = libbpf_num_possible_cpus();
  bpf.Set("possibleCpus", cpus > 0 ? cpus : 0);
  bpf.Set("open", Napi::Function::New<&BpfObject::open>(env, "open"));
  bpf.Set("enableStats", Napi::Function::New<&Stats::enable>(env, "enableStats"));
  bpf.Set("dropCapabilities", Napi::Function::New<&dropCapabilities>(env, "dropCapabilities"));
  bpf.Set("tryLock", Napi::Function::New<&tryLock>(env, "tryLock"));
  bpf.Set("capabilities", Napi::Function::New<&capabilities>(env, "capabilities"));
  bpf.Freeze();
  return bpf;
}

/** `hostMemory()`: the functions of `HostMemory`. */
Napi::Value hostMemory(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object memory = Napi::Object::New(env);
  memory.Set("releaseMappedFiles", Napi::Function::New<&releaseMappedFiles>(env, "releaseMappedFiles"));
  memory.Set("releaseFileCache", Napi::Function::New<&releaseFileCache>(env, "releaseFileCache"));
  memory.Freeze();
  return memory;
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  LibbpfLog::install();
  auto* state = new AddonState(env);
  env.SetInstanceData(state);
  state->objectConstructor = Napi::Persistent(BpfObject::define(env));
  state->programConstructor = Napi::Persistent(BpfProgram::define(env));
  state->mapConstructor = Napi::Persistent(BpfMap::define(env));
  state->linkConstructor = Napi::Persistent(BpfLink::define(env));
  state->ringConstructor = Napi::Persistent(RingBuffer::define(env));
  state->statsConstructor = Napi::Persistent(Stats::define(env));
  exports.Set("bind", Napi::Function::New<&bind>(env, "bind"));
  exports.Set("hostMemory", Napi::Function::New<&hostMemory>(env, "hostMemory"));
  return exports;
}

}  // namespace

NODE_API_MODULE(bpflow, initialise)

}  // namespace bpflow
