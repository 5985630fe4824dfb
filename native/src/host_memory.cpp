#include "host_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace bpflow {

namespace {

/** A mapping of a file, and what /proc/self/smaps says of it. */
struct Mapping {
  uintptr_t start = 0;
  uintptr_t end = 0;
  bool candidate = false;
  uint64_t residentKib = 0;
};

/** `55d0a000-55d0b000 r-xp 00001000 fe:00 1234  /usr/bin/node`: private, of a file, and not for writing. */
bool parseHead(const std::string& line, Mapping& mapping) {
  char permissions[5] = {};
  char path[2] = {};
  const int fields = std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %1s", &mapping.start,
                                 &mapping.end, permissions, path);
  if (fields < 3) return false;
  mapping.candidate = permissions[1] == '-' && permissions[3] == 'p' && path[0] == '/';
  mapping.residentKib = 0;
  return true;
}

uint64_t kibOf(const std::string& line) {
  uint64_t kib = 0;
  std::sscanf(line.c_str(), "%*s %" SCNu64, &kib);
  return kib;
}

/** Mappings without a page of their own: relocated data that was made read-only afterwards has some, and would be lost.
 */
std::vector<Mapping> unwrittenMappings() {
  std::vector<Mapping> found;
  std::ifstream smaps("/proc/self/smaps");
  Mapping current;
  const auto finish = [&] {
    if (current.candidate && current.residentKib > 0) found.push_back(current);
    current = {};
  };
  for (std::string line; std::getline(smaps, line);) {
    Mapping next;
    if (line.find("kB") == std::string::npos && parseHead(line, next)) {
      finish();
      current = next;
    } else if (line.starts_with("Rss:")) {
      current.residentKib = kibOf(line);
    } else if (line.starts_with("Anonymous:") || line.starts_with("Swap:") || line.starts_with("Locked:")) {
      if (kibOf(line) > 0) current.candidate = false;
    }
  }
  finish();
  return found;
}

class CacheRelease final : public Napi::AsyncWorker {
 public:
  CacheRelease(Napi::Env env, int fd, off_t start, off_t length)
      : AsyncWorker(env, "bpflow:releaseFileCache"),
        promise_(Napi::Promise::Deferred::New(env)),
        fd_(fd),
        start_(start),
        length_(length) {}

  Napi::Promise promise() const { return promise_.Promise(); }

 private:
  /** The advice also starts the writing of what is dirty. */
  void Execute() override { posix_fadvise(fd_, start_, length_, POSIX_FADV_DONTNEED); }
  void OnOK() override { promise_.Resolve(Env().Undefined()); }

  Napi::Promise::Deferred promise_;
  int fd_;
  off_t start_;
  off_t length_;
};

}  // namespace

Napi::Value releaseMappedFiles(const Napi::CallbackInfo& info) {
  uint64_t released = 0;
  for (const Mapping& mapping : unwrittenMappings()) {
    void* start = reinterpret_cast<void*>(mapping.start);
    if (madvise(start, mapping.end - mapping.start, MADV_DONTNEED) == 0) released += mapping.residentKib * 1024;
  }
  return Napi::Number::New(info.Env(), static_cast<double>(released));
}

Napi::Value releaseFileCache(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  for (size_t i = 0; i < 3; ++i) {
    if (!info[i].IsNumber() || info[i].As<Napi::Number>().Int64Value() < 0) {
      throw Napi::TypeError::New(env, "releaseFileCache takes a descriptor, a start and a length");
    }
  }
  const auto number = [&](size_t i) { return info[i].As<Napi::Number>().Int64Value(); };
  auto* work = new CacheRelease(env, static_cast<int>(number(0)), number(1), number(2));
  const Napi::Promise promise = work->promise();
  work->Queue();
  return promise;
}

}  // namespace bpflow
