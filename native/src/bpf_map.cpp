#include "bpf_map.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <cerrno>

#include "arguments.h"
#include "error.h"
#include "global_variable.h"
#include "perf_buffer.h"
#include "pin.h"
#include "ring_buffer.h"
#include "unpreempted.h"

namespace bpflow {

namespace {

bool isPerCpu(uint32_t type) {
  return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
         type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

bool isArray(uint32_t type) {
  return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

MapShape shapeOf(Napi::Env env, const bpf_map_info& info, const std::string& name) {
  MapShape shape = {info.key_size, info.value_size, info.value_size, info.max_entries, !isArray(info.type)};
  if (isPerCpu(info.type)) {
    const int cpus = libbpf_num_possible_cpus();
    if (cpus <= 0) {
      raise(env, {.code = "system",
                  .operation = "map",
                  .message = "Cannot tell the number of possible CPUs from /sys/devices/system/cpu/possible",
                  .number = -cpus,
                  .subject = name});
    }
    shape.stride = (uint64_t{info.value_size} + 7) / 8 * 8 * static_cast<uint64_t>(cpus);
  }
  return shape;
}

std::string bytes(uint64_t size) {
  return std::to_string(size) + (size == 1 ? " byte" : " bytes");
}

}  // namespace

BpfMap* BpfMap::fromLibbpf(Napi::Env env, HandleOwner& owner, const bpf_map* map, const std::string& name,
                           const bpf_object* object) {
  const auto fail = [&](const char* what) {
    raise(env, {.code = "system",
                .operation = "map",
                .message = std::string("Cannot ") + what + " the map \"" + name + "\"",
                .number = errno,
                .subject = name});
  };
  FileDescriptor fd(fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3));
  if (!fd.valid()) fail("open");
  bpf_map_info info = {};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &size) != 0) fail("ask the kernel about");
  uint32_t* sleeping = nullptr;
  if (info.type == BPF_MAP_TYPE_RINGBUF) {
    const auto flag = GlobalVariable::find(object, name + "_sleeping");
    if (flag && flag->size == sizeof(uint32_t) && !flag->constant)
      sleeping = reinterpret_cast<uint32_t*>(flag->address);
  }
  const MapShape shape = shapeOf(env, info, name);
  const bool isPreallocated = (info.map_flags & BPF_F_NO_PREALLOC) == 0;
  return AddonState::of(env).create<BpfMap>(
      {owner, std::move(fd), name, info.type, info.id, isPreallocated, shape, sleeping});
}

const BpfMap& BpfMap::argument(Napi::Value value, const char* operation) {
  const Napi::Env env = value.Env();
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&typeTag)) {
    raiseMisuse(env, operation, std::string(operation) + ": the map must be a BpfMap");
  }
  const BpfMap& map = *Unwrap(value.As<Napi::Object>());
  map.requireOpen(env, operation);
  return map;
}

BpfMap::BpfMap(const Napi::CallbackInfo& info) : BpfMap(info, AddonState::takeResources<BpfMap>(info)) {}

BpfMap::BpfMap(const Napi::CallbackInfo& info, Resources& resources)
    : WrappedHandle(info, resources.owner),
      fd_(std::move(resources.fd)),
      name_(resources.name),
      type_(resources.type),
      id_(resources.id),
      isPreallocated_(resources.isPreallocated),
      shape_(resources.shape),
      sleeping_(resources.sleeping) {
  // The trie's batches begin anew when their last key was deleted meanwhile, which would give entries twice.
  if (type_ == BPF_MAP_TYPE_LPM_TRIE) batchSupport_ = BatchSupport::no;
}

Napi::Function BpfMap::define(Napi::Env env) {
  return DefineClass(
      env, "BpfMap",
      {
          InstanceAccessor<&BpfMap::getName>("name"),
          InstanceAccessor<&BpfMap::getId>("id"),
          InstanceAccessor<&BpfMap::getType>("type"),
          InstanceAccessor<&BpfMap::getKeySize>("keySize"),
          InstanceAccessor<&BpfMap::getValueSize>("valueSize"),
          InstanceAccessor<&BpfMap::getStride>("stride"),
          InstanceAccessor<&BpfMap::getMaxEntries>("maxEntries"),
          InstanceAccessor<&BpfMap::getIsPreallocated>("isPreallocated"),
          InstanceMethod<&BpfMap::readInto>("readInto", napi_default_method),
          InstanceMethod<&BpfMap::lookup>("lookup", napi_default_method),
          InstanceMethod<&BpfMap::update>("update", napi_default_method),
          InstanceMethod<&BpfMap::remove>("delete", napi_default_method),
          InstanceMethod<&BpfMap::ring>("ring", napi_default_method),
          InstanceMethod<&BpfMap::pinTo>("pin", napi_default_method),
          InstanceMethod<&BpfMap::closeFromScript>("close", napi_default_method),
          InstanceMethod<&BpfMap::closeFromScript>(Napi::Symbol::WellKnown(env, "dispose"), napi_default_method),
      });
}

void BpfMap::requireOpen(Napi::Env env, const char* operation) const {
  if (isOpen()) return;
  raise(
      env,
      {.code = "closed", .operation = operation, .message = "The map \"" + name_ + "\" was closed", .subject = name_});
}

void BpfMap::fail(Napi::Env env, const char* operation, int number) const {
  const char* type = libbpf_bpf_map_type_str(static_cast<bpf_map_type>(type_));
  raise(env, {.code = "system",
              .operation = operation,
              .message = std::string(operation) + " failed on the map \"" + name_ + "\" (" + (type ? type : "?") + ")",
              .number = number,
              .subject = name_});
}

std::span<const uint8_t> BpfMap::keyArgument(const Napi::CallbackInfo& info, const char* operation) const {
  const Bytes key = bytesArgument(info, 0, operation, "the key");
  if (key.size() != shape_.keySize) {
    raiseMisuse(
        info.Env(), operation,
        "A key of the map \"" + name_ + "\" has " + bytes(shape_.keySize) + ", not " + std::to_string(key.size()),
        name_);
  }
  return key;
}

Napi::Value BpfMap::getType(const Napi::CallbackInfo& info) {
  const char* type = libbpf_bpf_map_type_str(static_cast<bpf_map_type>(type_));
  return Napi::String::New(info.Env(), type != nullptr ? type : "type_" + std::to_string(type_));
}

Napi::Value BpfMap::readInto(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "read";
  const Napi::Value batch = option(info, 2, operation, "batch");
  if (!batch.IsUndefined() && !batch.IsBoolean()) {
    raiseMisuse(info.Env(), operation, "read: batch must be a boolean", name_);
  }
  const Napi::Value unpreempted = option(info, 2, operation, "unpreempted");
  if (!unpreempted.IsUndefined() && !unpreempted.IsBoolean()) {
    raiseMisuse(info.Env(), operation, "read: unpreempted must be a boolean", name_);
  }
  requireOpen(info.Env(), operation);
  const Bytes keys = bytesArgument(info, 0, operation, "the keys");
  const Bytes values = bytesArgument(info, 1, operation, "the values");
  const bool allowed = batch.IsUndefined() || batch.As<Napi::Boolean>();
  const Unpreempted guard(unpreempted.IsBoolean() && unpreempted.As<Napi::Boolean>());
  const MapPass pass = readMap(fd_.get(), shape_, keys, values, allowed, batchSupport_);
  if (pass.number != 0) fail(info.Env(), operation, pass.number);
  return Napi::Number::New(info.Env(), static_cast<double>(pass.entries));
}

Napi::Value BpfMap::lookup(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "lookup";
  const Napi::Env env = info.Env();
  requireOpen(env, operation);
  const auto key = keyArgument(info, operation);
  const Bytes value = bytesArgument(info, 1, operation, "the value");
  if (value.size() < shape_.stride) {
    raise(env, {.code = "too_small",
                .operation = operation,
                .message = "An entry of the map \"" + name_ + "\" has " + bytes(shape_.stride) + "; the buffer has " +
                           std::to_string(value.size()),
                .subject = name_});
  }
  if (bpf_map_lookup_elem(fd_.get(), key.data(), value.data()) == 0) return Napi::Boolean::New(env, true);
  if (errno != ENOENT) fail(env, operation, errno);
  return Napi::Boolean::New(env, false);
}

void BpfMap::update(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "update";
  const Napi::Env env = info.Env();
  requireOpen(env, operation);
  const std::string mode = info[2].IsUndefined() ? "any" : stringArgument(info, 2, operation, "the mode");
  const auto key = keyArgument(info, operation);
  const Bytes value = bytesArgument(info, 1, operation, "the value");
  if (value.size() != shape_.stride) {
    raiseMisuse(
        env, operation,
        "An entry of the map \"" + name_ + "\" has " + bytes(shape_.stride) + ", not " + std::to_string(value.size()),
        name_);
  }
  uint64_t flags = BPF_ANY;
  if (mode == "create") {
    flags = BPF_NOEXIST;
  } else if (mode == "replace") {
    flags = BPF_EXIST;
  } else if (mode != "any") {
    raiseMisuse(env, operation, "update: the mode is any, create or replace, not \"" + mode + "\"", name_);
  }
  if (bpf_map_update_elem(fd_.get(), key.data(), value.data(), flags) != 0) fail(env, operation, errno);
}

Napi::Value BpfMap::remove(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "delete";
  requireOpen(info.Env(), operation);
  const auto key = keyArgument(info, operation);
  if (bpf_map_delete_elem(fd_.get(), key.data()) == 0) return Napi::Boolean::New(info.Env(), true);
  if (errno != ENOENT) fail(info.Env(), operation, errno);
  return Napi::Boolean::New(info.Env(), false);
}

void BpfMap::pinTo(const Napi::CallbackInfo& info) {
  requireOpen(info.Env(), "pin");
  pin(info, fd_.get(), name_);
}

Napi::Value BpfMap::ring(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "ring";
  const Napi::Env env = info.Env();
  requireOpen(env, operation);
  const bool isPerf = type_ == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
  if (type_ != BPF_MAP_TYPE_RINGBUF && !isPerf) {
    raiseMisuse(env, operation, "The map \"" + name_ + "\" is no ringbuf and no perf_event_array", name_);
  }
  const Napi::Value asked = option(info, 0, operation, "bytesPerCpu");
  const double bytesPerCpu = asked.IsNumber() ? asked.As<Napi::Number>().DoubleValue() : 0;
  if (isPerf && !isPerfBufferSize(bytesPerCpu)) {
    raiseMisuse(env, operation, "ring: bytesPerCpu must be a power of two of whole pages, at most 1 GiB", name_);
  }
  if (ring_ != nullptr) {
    raiseMisuse(env, operation, "The ring of the map \"" + name_ + "\" is open already: it has one consumer", name_);
  }
  ring_ = isPerf ? RingBuffer::openPerf(env, *this, fd_.get(), name_, static_cast<size_t>(bytesPerCpu))
                 : RingBuffer::openRing(env, *this, fd_.get(), name_, shape_.maxEntries, sleeping_);
  return ring_->Value();
}

}  // namespace bpflow
