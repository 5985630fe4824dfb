#include "ring_buffer.h"

#include <fcntl.h>

#include <atomic>
#include <cerrno>

#include "arguments.h"
#include "error.h"

namespace bpflow {

namespace {

constexpr uint64_t recheckMs = 1;

}  // namespace

RingBuffer* RingBuffer::open(Napi::Env env, HandleOwner& owner, int mapFd, const std::string& name, size_t size,
                             uint32_t* sleeping) {
  FileDescriptor fd(fcntl(mapFd, F_DUPFD_CLOEXEC, 3));
  auto reader = std::make_unique<RingReader>();
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
    if (tooSmall && watcher_ != nullptr) continueSoon();
    if (tooSmall || watcher_ == nullptr || fallAsleep()) return Napi::Number::New(env, static_cast<double>(filled));
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
  if (watcher_ == nullptr) {
    int number = 0;
    watcher_ = LoopWatcher::start(env, fd_.get(), *this, number);
    if (watcher_ == nullptr) {
      raise(env, {.code = "system",
                  .operation = operation,
                  .message = "The event loop cannot watch the ring \"" + name_ + "\"",
                  .number = number,
                  .subject = name_});
    }
    napi_async_init(env, Value(), Napi::String::New(env, "bpflow:ring"), &context_);
  }
  callback_ = Napi::Persistent(info[0].As<Napi::Function>());
  if (!fallAsleep()) continueSoon();
}

/** Asks for wake-ups. False when a record is ready after all; then the consumer stays awake. */
bool RingBuffer::fallAsleep() {
  setSleeping(true);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (reader_->readable()) {
    setSleeping(false);
    return false;
  }
  continuing_ = false;
  if (sleeping_ != nullptr) watcher_->startTimer(recheckMs);
  return true;
}

/** Calls back in the next turn of the loop: epoll knows only of records for which the kernel was asked to wake. */
void RingBuffer::continueSoon() {
  continuing_ = true;
  watcher_->startTimer(0);
}

void RingBuffer::setSleeping(bool sleeping) {
  if (sleeping_ != nullptr) std::atomic_ref<uint32_t>(*sleeping_).store(sleeping ? 1 : 0, std::memory_order_release);
}

void RingBuffer::onReadable() {
  if (!continuing_ && reader_->readable()) call();
}

void RingBuffer::onTimer() {
  continuing_ = false;
  if (reader_->readable()) {
    call();
  } else if (reader_->pending() != 0) {
    watcher_->startTimer(recheckMs);
  }
}

void RingBuffer::call() {
  setSleeping(false);
  const Napi::Env env = Env();
  const Napi::HandleScope scope(env);
  const Napi::Object self = Value();
  napi_value result = nullptr;
  const napi_status status = napi_make_callback(env, context_, self, callback_.Value(), 0, nullptr, &result);
  if (status == napi_pending_exception) {
    napi_value exception = nullptr;
    if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
  }
  if (watcher_ != nullptr && !continuing_ && reader_->readable()) continueSoon();
}

void RingBuffer::removeCallback() {
  if (watcher_ == nullptr) return;
  setSleeping(false);
  watcher_->stop();
  watcher_ = nullptr;
  continuing_ = false;
  callback_.Reset();
  napi_async_destroy(Env(), context_);
  context_ = nullptr;
}

void RingBuffer::releaseResources() noexcept {
  removeCallback();
  reader_.reset();
  fd_.reset();
}

}  // namespace bpflow
