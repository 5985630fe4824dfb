#include "unpreempted.h"

namespace bpflow {

Unpreempted::Unpreempted(bool wanted) {
  if (!wanted) return;
  policy_ = sched_getscheduler(0);
  // With SCHED_RESET_ON_FORK, or real-time already, it is left as it is.
  if (policy_ != SCHED_OTHER && policy_ != SCHED_BATCH && policy_ != SCHED_IDLE) return;
  sched_param realTime = {};
  realTime.sched_priority = sched_get_priority_min(SCHED_FIFO);
  changed_ = sched_setscheduler(0, SCHED_FIFO, &realTime) == 0;
}

Unpreempted::~Unpreempted() {
  // The kernel has kept its nice value.
  const sched_param ordinary = {};
  if (changed_) sched_setscheduler(0, policy_, &ordinary);
}

}  // namespace bpflow
