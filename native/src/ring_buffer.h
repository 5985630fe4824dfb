#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "addon_state.h"
#include "file_descriptor.h"
#include "handle.h"
#include "record_reader.h"
#include "ring_waiter.h"

namespace bpflow {

/** `RingBuffer` of sdk/bpf.ts: the consumer of a ring, or of the buffers of a perf event array. */
class RingBuffer final : public WrappedHandle<RingBuffer>, private RingWaiter::Consumer {
 public:
  struct Resources {
    HandleOwner& owner;
    FileDescriptor fd;
    std::unique_ptr<RecordReader> reader;
    std::string name;
    uint32_t* sleeping;
  };
  static constexpr auto constructorOf = &AddonState::ringConstructor;
  static constexpr napi_type_tag typeTag = {0x6270666c6f770001, 0x72696e6700000001};

  explicit RingBuffer(const Napi::CallbackInfo& info);
  static Napi::Function define(Napi::Env env);
  static RingBuffer* openRing(Napi::Env env, HandleOwner& owner, int mapFd, const std::string& name, size_t size,
                              uint32_t* sleeping);
  static RingBuffer* openPerf(Napi::Env env, HandleOwner& owner, int mapFd, const std::string& name,
                              size_t bytesPerCpu);

 private:
  RingBuffer(const Napi::CallbackInfo& info, Resources& resources);

  template <typename Reader>
  static RingBuffer* open(Napi::Env env, HandleOwner& owner, int mapFd, const std::string& name, size_t size,
                          uint32_t* sleeping);

  Napi::Value drain(const Napi::CallbackInfo& info);
  Napi::Value pending(const Napi::CallbackInfo& info);
  void setCallback(const Napi::CallbackInfo& info);
  void follow(const Napi::CallbackInfo& info);

  void requireOpen(Napi::Env env, const char* operation) const;
  void removeCallback();
  void destroyContext();
  void onRecords() override;
  void closeFromScript(const Napi::CallbackInfo&) { close(); }
  void releaseResources() noexcept override;

  FileDescriptor fd_;
  std::unique_ptr<RecordReader> reader_;
  std::string name_;
  uint32_t* sleeping_;
  /** While there is a callback. */
  std::unique_ptr<RingWaiter> waiter_;
  Napi::FunctionReference callback_;
  napi_async_context context_ = nullptr;
  bool calling_ = false;
};

}  // namespace bpflow
