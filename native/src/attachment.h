#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <string>

#include "file_descriptor.h"

namespace bpflow {

/** What keeps a program attached: a link of libbpf, or the descriptor of a link or a socket. Without either it failed.
 */
struct Attachment {
  bpf_link* link = nullptr;
  FileDescriptor descriptor = FileDescriptor();
  /** errno of what failed, and what it was about where libbpf does not tell. */
  int number = 0;
  std::string cause = {};
};

/** Attaches as the section and the `AttachOptions` (sdk/bpf.ts) at the first argument say. Throws for options that do
 * not fit. */
Attachment attachProgram(const Napi::CallbackInfo& info, bpf_program* program);

}  // namespace bpflow
