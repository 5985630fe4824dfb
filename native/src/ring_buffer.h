#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "addon_state.h"
#include "file_descriptor.h"
#include "handle.h"
#include "loop_watcher.h"
#include "ring_reader.h"

namespace bpflow {

/**
 * `RingBuffer` of sdk/bpf.ts: the consumer of a ring.
 *
 * While there is a callback, the consumer tells the producers when a wake-up is needed, by a `u32 <map>_sleeping` in
 * .bss:
 *
 *   consumer                              producer
 *   drain: nothing left                   reserve (moves the producer position)
 *   sleeping = 1                          flags = sleeping ? FORCE_WAKEUP : NO_WAKEUP
 *   barrier                               submit
 *   anything left? ── yes ─▶ go on
 *   wait; woken: sleeping = 0
 *
 * A producer that read `sleeping` before it was set has moved the position before: the consumer sees a record that is
 * not finished and looks again after a millisecond. It looks once more in any case, because between the producer's
 * store of the position and its load of the flag there is no full barrier.
 */
class RingBuffer final : public WrappedHandle<RingBuffer>, private LoopWatcher::Listener {
 public:
  struct Resources {
    HandleOwner& owner;
    FileDescriptor fd;
    std::unique_ptr<RingReader> reader;
    std::string name;
    uint32_t* sleeping;
  };
  static constexpr auto constructorOf = &AddonState::ringConstructor;
  static constexpr napi_type_tag typeTag = {0x6270666c6f770001, 0x72696e6700000001};

  explicit RingBuffer(const Napi::CallbackInfo& info);
  static Napi::Function define(Napi::Env env);
  static RingBuffer* open(Napi::Env env, HandleOwner& owner, int mapFd, const std::string& name, size_t size,
                          uint32_t* sleeping);

 private:
  RingBuffer(const Napi::CallbackInfo& info, Resources& resources);

  Napi::Value drain(const Napi::CallbackInfo& info);
  Napi::Value pending(const Napi::CallbackInfo& info);
  void setCallback(const Napi::CallbackInfo& info);

  void onReadable() override;
  void onTimer() override;

  void requireOpen(Napi::Env env, const char* operation) const;
  bool fallAsleep();
  void continueSoon();
  void setSleeping(bool sleeping);
  void removeCallback();
  void call();
  void closeFromScript(const Napi::CallbackInfo&) { close(); }
  void releaseResources() noexcept override;

  FileDescriptor fd_;
  std::unique_ptr<RingReader> reader_;
  std::string name_;
  uint32_t* sleeping_;
  LoopWatcher* watcher_ = nullptr;
  /** The timer is about to call back: records were left, and epoll may not know of them. */
  bool continuing_ = false;
  Napi::FunctionReference callback_;
  napi_async_context context_ = nullptr;
};

}  // namespace bpflow
