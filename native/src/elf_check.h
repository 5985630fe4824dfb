#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace bpflow {

/**
 * Says in one clause what makes the bytes no complete BPF object file with BTF of this machine's byte order; empty when
 * nothing does. libelf accepts files that were cut off and reads the missing sections as empty.
 */
std::string whyNotBpfElf(std::span<const uint8_t> file);

}  // namespace bpflow
