#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <cstdint>
#include <string>

#include "addon_state.h"
#include "file_descriptor.h"
#include "handle.h"
#include "map_reader.h"

namespace bpflow {

class RingBuffer;

/** `BpfMap` of sdk/bpf.ts: an own descriptor of a map in the kernel. */
class BpfMap final : public WrappedHandle<BpfMap> {
 public:
  struct Resources {
    HandleOwner& owner;
    FileDescriptor fd;
    std::string name;
    uint32_t type;
    uint32_t id;
    bool isPreallocated;
    MapShape shape;
    /** The consumer's flag in .bss, for rings whose object has one. */
    uint32_t* sleeping;
  };
  static constexpr auto constructorOf = &AddonState::mapConstructor;
  static constexpr napi_type_tag typeTag = {0x6270666c6f770001, 0x6d61700000000001};

  explicit BpfMap(const Napi::CallbackInfo& info);
  static Napi::Function define(Napi::Env env);
  static BpfMap* fromLibbpf(Napi::Env env, HandleOwner& owner, const bpf_map* map, const std::string& name,
                            const bpf_object* object);

  /** An open map that a caller passed. Throws `misuse` or `closed`. */
  static const BpfMap& argument(Napi::Value value, const char* operation);

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }
  uint32_t type() const { return type_; }
  uint32_t keySize() const { return shape_.keySize; }
  uint32_t valueSize() const { return shape_.valueSize; }

 private:
  BpfMap(const Napi::CallbackInfo& info, Resources& resources);

  Napi::Value getName(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), name_); }
  Napi::Value getType(const Napi::CallbackInfo& info);
  Napi::Value getId(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), id_); }
  Napi::Value getKeySize(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), shape_.keySize); }
  Napi::Value getValueSize(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), shape_.valueSize); }
  Napi::Value getStride(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), shape_.stride); }
  Napi::Value getMaxEntries(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), shape_.maxEntries); }
  Napi::Value getIsPreallocated(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), isPreallocated_);
  }
  Napi::Value readInto(const Napi::CallbackInfo& info);
  Napi::Value lookup(const Napi::CallbackInfo& info);
  void update(const Napi::CallbackInfo& info);
  Napi::Value remove(const Napi::CallbackInfo& info);
  Napi::Value ring(const Napi::CallbackInfo& info);
  void pinTo(const Napi::CallbackInfo& info);

  void requireOpen(Napi::Env env, const char* operation) const;
  std::span<const uint8_t> keyArgument(const Napi::CallbackInfo& info, const char* operation) const;
  [[noreturn]] void fail(Napi::Env env, const char* operation, int number) const;

  void childClosing(const Handle&) noexcept override { ring_ = nullptr; }
  void closeFromScript(const Napi::CallbackInfo&) { close(); }
  void releaseResources() noexcept override { fd_.reset(); }

  FileDescriptor fd_;
  std::string name_;
  uint32_t type_;
  uint32_t id_;
  bool isPreallocated_;
  MapShape shape_;
  uint32_t* sleeping_;
  BatchSupport batchSupport_ = BatchSupport::untried;
  RingBuffer* ring_ = nullptr;
};

}  // namespace bpflow
