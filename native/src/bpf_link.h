#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <string>

#include "addon_state.h"
#include "file_descriptor.h"
#include "handle.h"

namespace bpflow {

/** `BpfLink` of sdk/bpf.ts: keeps a program attached: a link of libbpf, or the descriptor of a link or a socket. */
class BpfLink final : public WrappedHandle<BpfLink> {
 public:
  struct Resources {
    HandleOwner& owner;
    bpf_link* link;
    std::string program;
    /** Where there is no link. */
    FileDescriptor descriptor = FileDescriptor();
  };
  static constexpr auto constructorOf = &AddonState::linkConstructor;
  static constexpr napi_type_tag typeTag = {0x6270666c6f770001, 0x6c696e6b00000001};

  explicit BpfLink(const Napi::CallbackInfo& info);
  static Napi::Function define(Napi::Env env);

 private:
  BpfLink(const Napi::CallbackInfo& info, Resources& resources);

  Napi::Value id(const Napi::CallbackInfo& info);
  Napi::Value iterate(const Napi::CallbackInfo& info);
  void closeFromScript(const Napi::CallbackInfo&) { close(); }
  void releaseResources() noexcept override;

  bpf_link* link_;
  FileDescriptor descriptor_;
  std::string program_;
  uint32_t id_ = 0;
};

}  // namespace bpflow
