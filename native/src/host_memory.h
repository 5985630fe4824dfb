#pragma once

#include <napi.h>

namespace bpflow {

/**
 * `HostMemory.releaseMappedFiles()`: takes the pages of program files and libraries out of this process that nothing
 * has written to. Those that are used again come back from the page cache. Returns the bytes they had. Reads
 * /proc/self/smaps; 0 without it.
 */
Napi::Value releaseMappedFiles(const Napi::CallbackInfo& info);

/**
 * `HostMemory.releaseFileCache(fd, start, length)`: has a range of a file written to the disk as far as it is not yet,
 * and takes out of the page cache what is there already. In a thread of libuv's pool; resolves when the kernel was
 * told, whatever it said.
 */
Napi::Value releaseFileCache(const Napi::CallbackInfo& info);

}  // namespace bpflow
