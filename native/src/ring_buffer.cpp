#include "ring_buffer.h"

#include <fcntl.h>

#include <cerrno>

#include "arguments.h"
#include "error.h"
#include "perf_reader.h"
#include "ring_reader.h"

namespace bpflow {

template <typename Reader>
RingBuffer* RingBuffer::open(Napi::Env env, HandleOwner& owner, int mapFd, const std::string& name, size_t size,
                             uint32_t* sleeping) {
  FileDescriptor fd(fcntl(mapFd, F_DUPFD_CLOEXEC, 3));
  auto reader = std::make_unique<Reader>();
  const int number = fd.valid() ? reader->map(fd.get(), size) : errno;
  if (number != 0) {
    raise(env, {.code = "system",
                .operation = "ring",
                .message = "Cannot map the ring \"" + name + "\" into memory",
                .number = number,
                .subject = name});
  }
  return AddonState::of(env).create<RingBuffer>({owner, std::move(fd), std::move(reader), name, sleeping});
}

RingBuffer* RingBuffer::openRing(Napi::Env env, HandleOwner& owner, int mapFd, const std::string& name, size_t size,
                                 uint32_t* sleeping) {
  return open<RingReader>(env, owner, mapFd, name, size, sleeping);
}

RingBuffer* RingBuffer::openPerf(Napi::Env env, HandleOwner& owner, int mapFd, const std::string& name,
                                 size_t bytesPerCpu) {
  return open<PerfReader>(env, owner, mapFd, name, bytesPerCpu, nullptr);
}

RingBuffer::RingBuffer(const Napi::CallbackInfo& info)
    : RingBuffer(info, AddonState::takeResources<RingBuffer>(info)) {}

RingBuffer::RingBuffer(const Napi::CallbackInfo& info, Resources& resources)
    : WrappedHandle(info, resources.owner),
      fd_(std::move(resources.fd)),
      reader_(std::move(resources.reader)),
      name_(resources.name),
      sleeping_(resources.sleeping) {}

Napi::Function RingBuffer::define(Napi::Env env) {
  return DefineClass(
      env, "RingBuffer",
      {
          InstanceMethod<&RingBuffer::drain>("drain", napi_default_method),
          InstanceAccessor<&RingBuffer::pending>("pending"),
          InstanceMethod<&RingBuffer::setCallback>("onReadable", napi_default_method),
          InstanceMethod<&RingBuffer::follow>("follow", napi_default_method),
          InstanceMethod<&RingBuffer::closeFromScript>("close", napi_default_method),
          InstanceMethod<&RingBuffer::closeFromScript>(Napi::Symbol::WellKnown(env, "dispose"), napi_default_method),
      });
}

void RingBuffer::requireOpen(Napi::Env env, const char* operation) const {
  if (isOpen()) return;
  raise(
      env,
      {.code = "closed", .operation = operation, .message = "The ring \"" + name_ + "\" was closed", .subject = name_});
}

Napi::Value RingBuffer::drain(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "drain";
  const Napi::Env env = info.Env();
  requireOpen(env, operation);
  const Bytes buffer = bytesArgument(info, 0, operation, "the buffer");
  size_t filled = 0;
  for (;;) {
    bool tooSmall = false;
    filled += reader_->copy(buffer.subspan(filled), tooSmall);
    if (tooSmall && filled == 0) {
      raise(env, {.code = "too_small",
                  .operation = operation,
                  .message = "The next record of the ring \"" + name_ + "\" does not fit into " +
                             std::to_string(buffer.size()) + " bytes",
                  .subject = name_});
    }
    if (tooSmall && waiter_) waiter_->continueSoon();
    if (tooSmall || !waiter_ || waiter_->rest()) return Napi::Number::New(env, static_cast<double>(filled));
  }
}

Napi::Value RingBuffer::pending(const Napi::CallbackInfo& info) {
  requireOpen(info.Env(), "pending");
  return Napi::Number::New(info.Env(), static_cast<double>(reader_->pending()));
}

void RingBuffer::setCallback(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "on_readable";
  const Napi::Env env = info.Env();
  requireOpen(env, operation);
  if (info[0].IsUndefined()) {
    removeCallback();
    return;
  }
  if (!info[0].IsFunction()) raiseMisuse(env, operation, "on_readable: the callback must be a function", name_);
  callback_ = Napi::Persistent(info[0].As<Napi::Function>());
  if (waiter_) return;
  int number = 0;
  waiter_ = RingWaiter::start(env, *reader_, sleeping_, *this, number);
  if (!waiter_) {
    raise(env, {.code = "system",
                .operation = operation,
                .message = "The event loop cannot watch the ring \"" + name_ + "\"",
                .number = number,
                .subject = name_});
  }
  if (context_ == nullptr) napi_async_init(env, Value(), Napi::String::New(env, "bpflow:ring"), &context_);
}

void RingBuffer::follow(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "follow";
  requireOpen(info.Env(), operation);
  int number = reader_->follow();
  if (number == 0 && waiter_) number = waiter_->watchMore();
  if (number == 0) return;
  raise(info.Env(), {.code = "system",
                     .operation = operation,
                     .message = "Cannot open the buffers of \"" + name_ + "\" for the CPUs that are online now",
                     .number = number,
                     .subject = name_});
}

void RingBuffer::onRecords() {
  const Napi::Env env = Env();
  const Napi::HandleScope scope(env);
  // The callback may close the ring: object, function and context must outlive the call.
  const Napi::Object self = Value();
  napi_value result = nullptr;
  calling_ = true;
  const napi_status status = napi_make_callback(env, context_, self, callback_.Value(), 0, nullptr, &result);
  if (status == napi_pending_exception) {
    napi_value exception = nullptr;
    if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
  }
  calling_ = false;
  if (waiter_) {
    waiter_->settle();
  } else {
    destroyContext();
  }
}

void RingBuffer::removeCallback() {
  if (!waiter_) return;
  waiter_.reset();
  callback_.Reset();
  if (!calling_) destroyContext();
}

void RingBuffer::destroyContext() {
  if (context_ != nullptr) napi_async_destroy(Env(), context_);
  context_ = nullptr;
}

void RingBuffer::releaseResources() noexcept {
  removeCallback();
  reader_.reset();
  fd_.reset();
}

}  // namespace bpflow
