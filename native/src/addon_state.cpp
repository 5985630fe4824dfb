#include "addon_state.h"

namespace bpflow {

AddonState::AddonState(Napi::Env env) {
  napi_add_async_cleanup_hook(env, &AddonState::onEnvironmentEnd, this, nullptr);
}

void AddonState::setErrorClass(Napi::Function errorClass) {
  errorClass_ = Napi::Persistent(errorClass);
}

void AddonState::watcherClosed() {
  --closingWatchers_;
  finishWhenQuiet();
}

void AddonState::onEnvironmentEnd(napi_async_cleanup_hook_handle hook, void* data) {
  auto* state = static_cast<AddonState*>(data);
  state->endingHook_ = hook;
  state->closeChildren();
  state->finishWhenQuiet();
}

void AddonState::finishWhenQuiet() {
  if (endingHook_ == nullptr || closingWatchers_ != 0) return;
  napi_async_cleanup_hook_handle hook = endingHook_;
  endingHook_ = nullptr;
  napi_remove_async_cleanup_hook(hook);
}

}  // namespace bpflow
