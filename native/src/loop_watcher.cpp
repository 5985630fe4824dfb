#include "loop_watcher.h"

#include <cerrno>
#include <cstring>

#include "addon_state.h"

namespace bpflow {

namespace {

uv_handle_s* handleIn(const std::unique_ptr<uint8_t[]>& memory) {
  return reinterpret_cast<uv_handle_s*>(memory.get());
}

std::unique_ptr<uint8_t[]> allocate(int type, const char* name) {
  const char* known = uv_handle_type_name(type);
  if (known == nullptr || std::strcmp(known, name) != 0) return nullptr;
  return std::make_unique<uint8_t[]>(uv_handle_size(type));
}

}  // namespace

LoopWatcher* LoopWatcher::start(Napi::Env env, int fd, Listener& listener, int& number) {
  uv_loop_s* loop = nullptr;
  auto poll = allocate(UV_POLL_TYPE, "poll");
  auto timer = allocate(UV_TIMER_TYPE, "timer");
  if (!poll || !timer || napi_get_uv_event_loop(env, &loop) != napi_ok) {
    number = ENOSYS;
    return nullptr;
  }
  const int error = uv_poll_init(loop, handleIn(poll), fd);
  if (error != 0) {
    number = -error;
    return nullptr;
  }
  auto* watcher = new LoopWatcher(AddonState::of(env), listener);
  watcher->poll_ = std::move(poll);
  watcher->timer_ = std::move(timer);
  uv_timer_init(loop, handleIn(watcher->timer_));
  uv_handle_set_data(handleIn(watcher->poll_), watcher);
  uv_handle_set_data(handleIn(watcher->timer_), watcher);
  uv_poll_start(handleIn(watcher->poll_), UV_READABLE_EVENT, [](uv_handle_s* handle, int, int) {
    static_cast<LoopWatcher*>(uv_handle_get_data(handle))->listener_->onReadable();
  });
  return watcher;
}

void LoopWatcher::startTimer(uint64_t timeoutMs) {
  const auto fired = [](uv_handle_s* handle) {
    static_cast<LoopWatcher*>(uv_handle_get_data(handle))->listener_->onTimer();
  };
  uv_timer_start(handleIn(timer_), fired, timeoutMs, 0);
}

void LoopWatcher::stop() {
  state_.watcherClosing();
  closing_ = 2;
  uv_close(handleIn(poll_), &LoopWatcher::onClosed);
  uv_close(handleIn(timer_), &LoopWatcher::onClosed);
}

void LoopWatcher::onClosed(uv_handle_s* handle) {
  auto* watcher = static_cast<LoopWatcher*>(uv_handle_get_data(handle));
  if (--watcher->closing_ != 0) return;
  AddonState& state = watcher->state_;
  delete watcher;
  state.watcherClosed();
}

}  // namespace bpflow
