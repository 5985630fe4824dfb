#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <map>
#include <string>
#include <vector>

#include "addon_state.h"
#include "handle.h"

namespace bpflow {

class BpfMap;
class BpfProgram;

/** `BpfObject` of sdk/bpf.ts. Owns everything that came from it: closing it closes its maps, rings and links. */
class BpfObject final : public WrappedHandle<BpfObject> {
 public:
  struct Resources {
    HandleOwner& owner;
    bpf_object* object;
    std::string path;
  };
  static constexpr auto constructorOf = &AddonState::objectConstructor;
  static constexpr napi_type_tag typeTag = {0x6270666c6f770001, 0x6f626a6563740001};

  explicit BpfObject(const Napi::CallbackInfo& info);
  static Napi::Function define(Napi::Env env);

  /** `Bpf.open(path, options)`. */
  static Napi::Value open(const Napi::CallbackInfo& info);

 private:
  BpfObject(const Napi::CallbackInfo& info, Resources& resources);

  Napi::Value programNames(const Napi::CallbackInfo& info);
  Napi::Value mapNames(const Napi::CallbackInfo& info);
  Napi::Value layout(const Napi::CallbackInfo& info);
  Napi::Value mapLayout(const Napi::CallbackInfo& info);
  Napi::Value section(const Napi::CallbackInfo& info);
  void setAutoload(const Napi::CallbackInfo& info);
  void setAutocreate(const Napi::CallbackInfo& info);
  void setMaxEntries(const Napi::CallbackInfo& info);
  void reuseMap(const Napi::CallbackInfo& info);
  void setGlobal(const Napi::CallbackInfo& info);
  Napi::Value getGlobal(const Napi::CallbackInfo& info);
  void load(const Napi::CallbackInfo& info);
  Napi::Value program(const Napi::CallbackInfo& info);
  Napi::Value map(const Napi::CallbackInfo& info);

  void requireOpen(Napi::Env env, const char* operation) const;
  void requireBeforeLoad(Napi::Env env, const char* operation) const;
  void requireAfterLoad(Napi::Env env, const char* operation) const;
  bpf_program* findProgram(Napi::Env env, const char* operation, const std::string& name) const;
  bpf_map* findMap(Napi::Env env, const char* operation, const std::string& name) const;

  void childClosing(const Handle& child) noexcept override;
  void closeFromScript(const Napi::CallbackInfo&) { close(); }
  void releaseResources() noexcept override;

  bpf_object* object_;
  std::string path_;
  bool loaded_ = false;
  std::vector<std::string> programNames_;
  /** libbpf renames a reused map after the one it reuses; here it keeps its name. */
  std::vector<std::pair<std::string, bpf_map*>> maps_;
  std::map<std::string, BpfProgram*> programHandles_;
  std::map<std::string, BpfMap*> mapHandles_;
};

}  // namespace bpflow
