#pragma once

#include <napi.h>

#include "handle.h"

namespace bpflow {

/**
 * All state of one environment (the main thread or a worker): its open handles, the error class, the constructors.
 * An asynchronous cleanup hook closes every handle when the environment ends, and waits until the event loop has let go
 * of the watchers.
 */
class AddonState final : public HandleOwner {
 public:
  explicit AddonState(Napi::Env env);

  static AddonState& of(Napi::Env env) { return *env.GetInstanceData<AddonState>(); }

  void setErrorClass(Napi::Function errorClass);
  Napi::FunctionReference& errorClass() { return errorClass_; }

  /** Makes the JavaScript object of a new handle. Scripts cannot: their `new` finds no resources. */
  template <typename T>
  T* create(typename T::Resources resources) {
    construction_ = &resources;
    return T::Unwrap((this->*T::constructorOf).New({}));
  }

  /** What {@link create} passes to the constructor of `T`. */
  template <typename T>
  static typename T::Resources& takeResources(const Napi::CallbackInfo& info) {
    AddonState& state = of(info.Env());
    void* resources = state.construction_;
    state.construction_ = nullptr;
    if (resources == nullptr) throw Napi::TypeError::New(info.Env(), "Illegal constructor");
    return *static_cast<typename T::Resources*>(resources);
  }

  /** A watcher has begun to close; the environment waits for it. */
  void watcherClosing() { ++closingWatchers_; }
  void watcherClosed();

  Napi::FunctionReference objectConstructor;
  Napi::FunctionReference programConstructor;
  Napi::FunctionReference mapConstructor;
  Napi::FunctionReference linkConstructor;
  Napi::FunctionReference ringConstructor;
  Napi::FunctionReference statsConstructor;

 private:
  static void onEnvironmentEnd(napi_async_cleanup_hook_handle hook, void* state);
  void finishWhenQuiet();

  Napi::FunctionReference errorClass_;
  void* construction_ = nullptr;
  napi_async_cleanup_hook_handle endingHook_ = nullptr;
  int closingWatchers_ = 0;
};

}  // namespace bpflow
