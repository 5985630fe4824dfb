#pragma once

#include <napi.h>

namespace bpflow {

/** `Bpf.capabilities()`: the calling thread's effective capabilities by name. */
Napi::Value capabilities(const Napi::CallbackInfo& info);

/**
 * `Bpf.dropCapabilities(keep)`: takes all capabilities but `keep` from the effective, permitted, inheritable and
 * ambient sets of all threads, and from their bounding sets, so that no program they execute gets them back. Throws,
 * with what was dropped staying dropped, where a thread kept one.
 */
void dropCapabilities(const Napi::CallbackInfo& info);

}  // namespace bpflow
