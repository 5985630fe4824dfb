#include "bpf_link.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "arguments.h"
#include "error.h"

namespace bpflow {

namespace {

/** read() that goes on after signals, and after passes of a million items without output (EAGAIN). */
ssize_t readOn(int fd, uint8_t* target, size_t size) {
  for (;;) {
    const ssize_t got = read(fd, target, size);
    if (got >= 0 || (errno != EINTR && errno != EAGAIN)) return got;
  }
}

}  // namespace

BpfLink::BpfLink(const Napi::CallbackInfo& info) : BpfLink(info, AddonState::takeResources<BpfLink>(info)) {}

BpfLink::BpfLink(const Napi::CallbackInfo& info, Resources& resources)
    : WrappedHandle(info, resources.owner),
      link_(resources.link),
      descriptor_(std::move(resources.descriptor)),
      program_(resources.program) {
  bpf_link_info known = {};
  uint32_t size = sizeof(known);
  // Of a socket there is none.
  const int fd = link_ == nullptr ? descriptor_.get() : bpf_link__fd(link_);
  if (bpf_obj_get_info_by_fd(fd, &known, &size) == 0) id_ = known.id;
}

Napi::Function BpfLink::define(Napi::Env env) {
  return DefineClass(
      env, "BpfLink",
      {
          InstanceAccessor<&BpfLink::id>("id"),
          InstanceMethod<&BpfLink::iterate>("iterate", napi_default_method),
          InstanceMethod<&BpfLink::closeFromScript>("close", napi_default_method),
          InstanceMethod<&BpfLink::closeFromScript>(Napi::Symbol::WellKnown(env, "dispose"), napi_default_method),
      });
}

void BpfLink::releaseResources() noexcept {
  bpf_link__destroy(link_);
  link_ = nullptr;
  descriptor_.reset();
}

Napi::Value BpfLink::id(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), id_);
}

Napi::Value BpfLink::iterate(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "iterate";
  const Napi::Env env = info.Env();
  if (!isOpen()) {
    raise(env, {.code = "closed",
                .operation = operation,
                .message = "The link of the program \"" + program_ + "\" was closed",
                .subject = program_});
  }
  if (link_ == nullptr) raiseMisuse(env, operation, "\"" + program_ + "\" is no iterator", program_);
  const bool wanted = !info[0].IsUndefined();
  const Bytes buffer = wanted ? bytesArgument(info, 0, operation, "the buffer") : Bytes();

  const auto fail = [&](const char* what) {
    raise(env, {.code = "system",
                .operation = operation,
                .message = std::string("Cannot ") + what + " the iterator \"" + program_ + "\"",
                .number = errno,
                .subject = program_});
  };
  const FileDescriptor pass(bpf_iter_create(bpf_link__fd(link_)));
  if (!pass.valid()) fail("start");

  std::array<uint8_t, 4096> unwanted;
  size_t filled = 0;
  for (;;) {
    const bool room = filled < buffer.size();
    const ssize_t got = room ? readOn(pass.get(), buffer.data() + filled, buffer.size() - filled)
                             : readOn(pass.get(), unwanted.data(), unwanted.size());
    if (got < 0) fail("read");
    if (got == 0) return Napi::Number::New(env, static_cast<double>(filled));
    if (room) {
      filled += static_cast<size_t>(got);
    } else if (wanted) {
      raise(env, {.code = "too_small",
                  .operation = operation,
                  .message = "The output of the iterator \"" + program_ + "\" does not fit into " +
                             std::to_string(buffer.size()) + " bytes",
                  .subject = program_});
    }
  }
}

}  // namespace bpflow
