#pragma once

#include <napi.h>

#include <memory>

#include "uv_abi.h"

namespace bpflow {

class AddonState;

/**
 * Watches one descriptor on the environment's event loop, and has one timer. Keeps the loop alive while it exists.
 * stop() may be called from within the callbacks; the watcher frees itself when the loop has let go of it, and the
 * environment waits for that.
 */
class LoopWatcher {
 public:
  class Listener {
   public:
    virtual void onReadable() = 0;
    virtual void onTimer() = 0;

   protected:
    ~Listener() = default;
  };

  /** Returns null and sets `number` (positive errno) when the loop refuses the descriptor. */
  static LoopWatcher* start(Napi::Env env, int fd, Listener& listener, int& number);

  void startTimer(uint64_t timeoutMs);
  void stop();

 private:
  explicit LoopWatcher(AddonState& state, Listener& listener) : state_(state), listener_(&listener) {}
  static void onClosed(uv_handle_s* handle);

  AddonState& state_;
  Listener* listener_;
  std::unique_ptr<uint8_t[]> poll_;
  std::unique_ptr<uint8_t[]> timer_;
  int closing_ = 0;
};

}  // namespace bpflow
