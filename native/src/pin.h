#pragma once

#include <napi.h>

#include <string>

namespace bpflow {

/** `pin(path)` of maps and programs: gives what `fd` stands for a name in a BPF file system. The path is argument 0. */
void pin(const Napi::CallbackInfo& info, int fd, const std::string& subject);

/** `Bpf.tryLock(fd)`: an advisory lock on an open file, until the last descriptor of that opening is closed. */
Napi::Value tryLock(const Napi::CallbackInfo& info);

}  // namespace bpflow
