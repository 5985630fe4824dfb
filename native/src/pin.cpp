#include "pin.h"

#include <bpf/bpf.h>
#include <sys/file.h>

#include <cerrno>
#include <cmath>

#include "arguments.h"
#include "error.h"

namespace bpflow {

void pin(const Napi::CallbackInfo& info, int fd, const std::string& subject) {
  constexpr const char* operation = "pin";
  const std::string path = stringArgument(info, 0, operation, "the path");
  if (path.find('\0') != std::string::npos) {
    raiseMisuse(info.Env(), operation, "pin: the path must not contain a zero byte", subject);
  }
  if (bpf_obj_pin(fd, path.c_str()) == 0) return;
  raise(info.Env(), {.code = "system",
                     .operation = operation,
                     .message = "Cannot pin \"" + subject + "\" as " + path,
                     .number = errno,
                     .subject = subject});
}

Napi::Value tryLock(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "try_lock";
  const Napi::Env env = info.Env();
  const double fd = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(fd >= 0 && fd <= 0x7fffffff && std::trunc(fd) == fd)) {
    raiseMisuse(env, operation, "tryLock takes the descriptor of an open file");
  }
  int result;
  do {
    result = flock(static_cast<int>(fd), LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno != EWOULDBLOCK) {
    raise(env, {.code = "system", .operation = operation, .message = "Cannot lock the file", .number = errno});
  }
  return Napi::Boolean::New(env, result == 0);
}

}  // namespace bpflow
