#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace bpflow {

/**
 * A global variable of an object, in the memory that libbpf keeps for `.rodata`, `.data` and `.bss`: the initial
 * contents before loading, the kernel's own pages after it.
 */
struct GlobalVariable {
  enum class Kind { unsignedNumber, signedNumber, boolean, other };

  std::string name;
  uint8_t* address;
  size_t size;
  Kind kind;
  /** In `.rodata`: the kernel's copy is frozen at load. */
  bool constant;

  static std::optional<GlobalVariable> find(const bpf_object* object, const std::string& name);

  /**
   * After loading: makes the kernel's pages of the sections the memory of the variables, for versions of libbpf
   * before 1.5, which do so for skeletons only. Returns 0 or a positive errno.
   */
  static int shareWithKernel(const bpf_object* object);

  /** Writes a number, bigint, boolean or Uint8Array. Throws `misuse` when it does not fit the variable. */
  void set(Napi::Env env, Napi::Value value) const;

 private:
  void setNumber(Napi::Env env, Napi::Value value) const;
  void store(uint64_t bits) const;
};

}  // namespace bpflow
