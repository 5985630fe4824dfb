#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <string>

#include "addon_state.h"
#include "handle.h"

namespace bpflow {

/** `BpfProgram` of sdk/bpf.ts: a loaded program. Closes with its object. */
class BpfProgram final : public WrappedHandle<BpfProgram> {
 public:
  struct Resources {
    /** The program's object, which owns its links too. */
    HandleOwner& owner;
    bpf_program* program;
    std::string path;
  };
  static constexpr auto constructorOf = &AddonState::programConstructor;
  static constexpr napi_type_tag typeTag = {0x6270666c6f770001, 0x70726f6772616d01};

  explicit BpfProgram(const Napi::CallbackInfo& info);
  static Napi::Function define(Napi::Env env);

 private:
  BpfProgram(const Napi::CallbackInfo& info, Resources& resources);

  Napi::Value name(const Napi::CallbackInfo& info);
  Napi::Value id(const Napi::CallbackInfo& info);
  Napi::Value attach(const Napi::CallbackInfo& info);
  Napi::Value describe(const Napi::CallbackInfo& info);
  Napi::Value testRun(const Napi::CallbackInfo& info);
  void pinTo(const Napi::CallbackInfo& info);

  void requireOpen(Napi::Env env, const char* operation) const;
  void releaseResources() noexcept override {}

  HandleOwner& object_;
  bpf_program* program_;
  std::string name_;
  std::string path_;
};

}  // namespace bpflow
