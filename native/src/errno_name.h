#pragma once

#include <string>

namespace bpflow {

/** The kernel's own ENOTSUPP, which leaks from the bpf system call; libc does not know it. */
inline constexpr int kernelNotSupported = 524;

/** `EPERM` for 1. Empty for numbers that are no errno of Linux, such as libbpf's own from 4000 on. */
std::string errnoName(int number);

/** `Operation not permitted`; knows libbpf's own numbers and ENOTSUPP (524), for which libc has no text. */
std::string errnoText(int number);

}  // namespace bpflow
