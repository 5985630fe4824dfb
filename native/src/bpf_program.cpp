#include "bpf_program.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <fstream>

#include "arguments.h"
#include "attachment.h"
#include "bpf_link.h"
#include "error.h"
#include "libbpf_log.h"
#include "pin.h"

namespace bpflow {

namespace {

bpf_prog_info programInfo(Napi::Env env, const bpf_program* program, const char* operation) {
  bpf_prog_info result = {};
  uint32_t size = sizeof(result);
  if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &result, &size) != 0) {
    raise(env,
          {.code = "system",
           .operation = operation,
           .message = std::string("Cannot ask the kernel about the program \"") + bpf_program__name(program) + "\"",
           .number = errno,
           .subject = bpf_program__name(program)});
  }
  return result;
}

/** `memlock` of the descriptor's fdinfo; bpf_prog_info does not have it. */
double lockedBytes(int fd) {
  std::ifstream file("/proc/self/fdinfo/" + std::to_string(fd));
  std::string key;
  double value = 0;
  while (file >> key) {
    if (key == "memlock:" && file >> value) return value;
    file.ignore(4096, '\n');
  }
  return 0;
}

}  // namespace

BpfProgram::BpfProgram(const Napi::CallbackInfo& info)
    : BpfProgram(info, AddonState::takeResources<BpfProgram>(info)) {}

BpfProgram::BpfProgram(const Napi::CallbackInfo& info, Resources& resources)
    : WrappedHandle(info, resources.owner),
      object_(resources.owner),
      program_(resources.program),
      name_(bpf_program__name(resources.program)),
      path_(resources.path) {}

Napi::Function BpfProgram::define(Napi::Env env) {
  return DefineClass(env, "BpfProgram",
                     {
                         InstanceAccessor<&BpfProgram::name>("name"),
                         InstanceAccessor<&BpfProgram::id>("id"),
                         InstanceMethod<&BpfProgram::attach>("attach", napi_default_method),
                         InstanceMethod<&BpfProgram::describe>("info", napi_default_method),
                         InstanceMethod<&BpfProgram::testRun>("testRun", napi_default_method),
                         InstanceMethod<&BpfProgram::pinTo>("pin", napi_default_method),
                     });
}

void BpfProgram::requireOpen(Napi::Env env, const char* operation) const {
  if (isOpen()) return;
  raise(env, {.code = "closed",
              .operation = operation,
              .message = "The object of the program \"" + name_ + "\" (" + path_ + ") was closed",
              .subject = name_});
}

Napi::Value BpfProgram::name(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), name_);
}

Napi::Value BpfProgram::id(const Napi::CallbackInfo& info) {
  requireOpen(info.Env(), "program_id");
  return Napi::Number::New(info.Env(), programInfo(info.Env(), program_, "program_id").id);
}

Napi::Value BpfProgram::attach(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  requireOpen(env, "attach");

  LibbpfLog log;
  Attachment attachment = attachProgram(info, program_);
  if (attachment.link == nullptr && !attachment.descriptor.valid()) {
    raise(env, {.code = "attach",
                .operation = "attach",
                .message = "Cannot attach the program \"" + name_ + "\" (" + bpf_program__section_name(program_) +
                           ") of " + path_,
                .number = attachment.number,
                .subject = name_,
                .cause = attachment.cause.empty() ? log.cause() : attachment.cause});
  }
  return AddonState::of(env)
      .create<BpfLink>({object_, attachment.link, name_, std::move(attachment.descriptor)})
      ->Value();
}

Napi::Value BpfProgram::describe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  requireOpen(env, "program_info");
  const bpf_prog_info known = programInfo(env, program_, "program_info");
  Napi::Object result = Napi::Object::New(env);
  result.Set("id", known.id);
  result.Set("runCount", Napi::BigInt::New(env, uint64_t{known.run_cnt}));
  result.Set("runTimeNs", Napi::BigInt::New(env, uint64_t{known.run_time_ns}));
  result.Set("recursionMisses", Napi::BigInt::New(env, uint64_t{known.recursion_misses}));
  result.Set("jitedBytes", known.jited_prog_len);
  result.Set("memoryBytes", lockedBytes(bpf_program__fd(program_)));
  return result;
}

void BpfProgram::pinTo(const Napi::CallbackInfo& info) {
  requireOpen(info.Env(), "pin");
  pin(info, bpf_program__fd(program_), name_);
}

Napi::Value BpfProgram::testRun(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  requireOpen(env, "test_run");
  LIBBPF_OPTS(bpf_test_run_opts, options);
  if (!info[0].IsUndefined()) {
    const Bytes context = bytesArgument(info, 0, "test_run", "the context");
    options.ctx_in = context.data();
    options.ctx_size_in = static_cast<uint32_t>(context.size());
  }
  if (bpf_prog_test_run_opts(bpf_program__fd(program_), &options) != 0) {
    raise(env, {.code = "system",
                .operation = "test_run",
                .message = "Cannot run the program \"" + name_ + "\" once",
                .number = errno,
                .subject = name_});
  }
  return Napi::Number::New(env, static_cast<int32_t>(options.retval));
}

}  // namespace bpflow
