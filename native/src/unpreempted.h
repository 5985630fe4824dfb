#pragma once

#include <sched.h>

namespace bpflow {

/**
 * While it lives the calling thread is not preempted by ordinary threads: it is a real-time one of the lowest priority,
 * as far as its rights allow that. For moments only.
 */
class Unpreempted {
 public:
  explicit Unpreempted(bool wanted);
  ~Unpreempted();
  Unpreempted(const Unpreempted&) = delete;
  Unpreempted& operator=(const Unpreempted&) = delete;

 private:
  bool changed_ = false;
  int policy_ = SCHED_OTHER;
};

}  // namespace bpflow
