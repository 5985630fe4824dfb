#pragma once

#include <bpf/btf.h>
#include <napi.h>

#include <cstdint>
#include <string>

namespace bpflow {

/**
 * `StructLayout` of sdk/bpf.ts for the struct (or union) of this name, or a typedef of one. Members of anonymous
 * structs and unions appear as members of the outer one, as C reads them. Throws where there is none, and for bit
 * fields and floats, which the interface cannot express.
 */
Napi::Object structLayout(Napi::Env env, const btf* types, const std::string& name);

/** The same for a type by its id; a type that is no struct is one member without a name. Undefined for the id 0. */
Napi::Value typeLayout(Napi::Env env, const btf* types, uint32_t typeId);

}  // namespace bpflow
