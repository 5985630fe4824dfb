#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>

namespace bpflow {

/**
 * Runs an action in any thread of the process, also in those that know nothing of it, as libpsx does it: by a signal
 * that the thread handles at once. The signal is libc's own for setuid() (SIGSETXID), the only one that no thread
 * blocks: libc does not let it, and Node's signal thread blocks all others. Foreign uses of the signal go to libc's
 * handler meanwhile.
 *
 * What a signal handler needs travels with the signal (rt_tgsigqueueinfo), so the only state of the process is the
 * disposition of the signal, which is put back at the end. One broadcast runs at a time.
 */
class ThreadBroadcast {
 public:
  /** Only async-signal-safe calls. Returns 0 or an errno. */
  using Action = int (*)(const void* argument);

  ThreadBroadcast(Action action, const void* argument);
  ~ThreadBroadcast();
  ThreadBroadcast(const ThreadBroadcast&) = delete;
  ThreadBroadcast& operator=(const ThreadBroadcast&) = delete;

  /** Errno of the installation of the handler; 0 when it is in place. */
  int error() const { return error_; }

  /**
   * Runs the action in one thread and waits for it, at most two seconds. Returns its result, 0 for a thread that has
   * ended, ETIMEDOUT for one that did not answer.
   */
  int runIn(pid_t thread);

 private:
  Action action_;
  const void* argument_;
  int error_ = 0;
  bool abandoned_ = false;
};

}  // namespace bpflow
