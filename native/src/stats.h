#pragma once

#include <napi.h>

#include "addon_state.h"
#include "file_descriptor.h"
#include "handle.h"

namespace bpflow {

/** What `Bpf.enableStats()` returns: run statistics of all programs are on while it is open. */
class Stats final : public WrappedHandle<Stats> {
 public:
  struct Resources {
    HandleOwner& owner;
    FileDescriptor fd;
  };
  static constexpr auto constructorOf = &AddonState::statsConstructor;
  static constexpr napi_type_tag typeTag = {0x6270666c6f770001, 0x7374617473000001};

  explicit Stats(const Napi::CallbackInfo& info);
  static Napi::Function define(Napi::Env env);

  /** `Bpf.enableStats()`. */
  static Napi::Value enable(const Napi::CallbackInfo& info);

 private:
  Stats(const Napi::CallbackInfo& info, Resources& resources)
      : WrappedHandle(info, resources.owner), fd_(std::move(resources.fd)) {}

  void closeFromScript(const Napi::CallbackInfo&) { close(); }
  void releaseResources() noexcept override { fd_.reset(); }

  FileDescriptor fd_;
};

}  // namespace bpflow
