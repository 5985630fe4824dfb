#pragma once

#include <napi.h>

#include <string>

namespace bpflow {

/** The fields of a `BpfError` of sdk/bpf.ts. */
struct Failure {
  /** One of BpfErrorCode. */
  const char* code;
  /** What was being done: `load`, `attach`, `map_create`, … */
  const char* operation;
  /** A sentence without its full stop; number, cause and advice are put behind it. */
  std::string message;
  /** Positive; 0 where no call failed. */
  int number = 0;
  /** The program or map concerned. */
  std::string subject = {};
  /** What libbpf or the verifier said about it, in one line. */
  std::string cause = {};
  std::string verifierLog = {};
};

/** Throws the failure as a `BpfError`. */
[[noreturn]] void raise(Napi::Env env, const Failure& failure);

}  // namespace bpflow
