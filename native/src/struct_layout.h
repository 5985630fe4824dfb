#pragma once

#include <bpf/btf.h>
#include <napi.h>

#include <string>

namespace bpflow {

/**
 * `StructLayout` of sdk/bpf.ts for the struct (or union) of this name, or a typedef of one. Members of anonymous
 * structs and unions appear as members of the outer one, as C reads them. Throws where there is none, and for bit
 * fields and floats, which the interface cannot express.
 */
Napi::Object structLayout(Napi::Env env, const btf* types, const std::string& name);

}  // namespace bpflow
