#include "thread_broadcast.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace bpflow {

namespace {

#ifdef __GLIBC__
constexpr int signalNumber = 33;  // SIGSETXID
#else
constexpr int signalNumber = 34;  // musl's SIGSYNCCALL
#endif

constexpr int maxWaitMs = 2000;

/** The kernel's struct of rt_sigaction; libc's sigaction() refuses its own signals. */
struct KernelAction {
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

constexpr unsigned long flagRestorer = 0x04000000;

struct Request {
  ThreadBroadcast::Action action;
  const void* argument;
  std::atomic<int> result{0};
  std::atomic<bool> done{false};
};

// The disposition of a signal belongs to the process, so does what it was before.
std::mutex oneAtATime;
KernelAction previous;

int setAction(int number, const KernelAction* action, KernelAction* old) {
  return syscall(SYS_rt_sigaction, number, action, old, sizeof(uint64_t)) == 0 ? 0 : errno;
}

void handle(int number, siginfo_t* info, void* context) {
  const int saved = errno;
  if (info->si_code == SI_QUEUE && info->si_pid == getpid()) {
    auto* request = static_cast<Request*>(info->si_value.sival_ptr);
    request->result.store(request->action(request->argument), std::memory_order_relaxed);
    request->done.store(true, std::memory_order_release);
  } else if (previous.handler != nullptr) {
    previous.handler(number, info, context);
  }
  errno = saved;
}

/** The address to which handlers return, where the kernel wants one (x86): libc's, read back from an action it made. */
int borrowRestorer(KernelAction& action) {
  struct sigaction probe = {};
  struct sigaction old = {};
  probe.sa_handler = SIG_IGN;
  KernelAction made = {};
  if (sigaction(SIGRTMAX, &probe, &old) != 0) return errno;
  const int number = setAction(SIGRTMAX, nullptr, &made);
  sigaction(SIGRTMAX, &old, nullptr);
  if (number != 0) return number;
  action.restorer = made.restorer;
  action.flags |= made.flags & flagRestorer;
  return 0;
}

}  // namespace

ThreadBroadcast::ThreadBroadcast(Action action, const void* argument) : action_(action), argument_(argument) {
  oneAtATime.lock();
  KernelAction own = {&handle, SA_SIGINFO | SA_RESTART | SA_ONSTACK, nullptr, ~uint64_t{0}};
  error_ = borrowRestorer(own);
  if (error_ == 0) error_ = setAction(signalNumber, nullptr, &previous);
  if (error_ == 0) error_ = setAction(signalNumber, &own, nullptr);
}

ThreadBroadcast::~ThreadBroadcast() {
  if (error_ == 0 && !abandoned_) setAction(signalNumber, &previous, nullptr);
  oneAtATime.unlock();
}

int ThreadBroadcast::runIn(pid_t thread) {
  if (thread == gettid()) return action_(argument_);
  auto request = std::make_unique<Request>();
  request->action = action_;
  request->argument = argument_;
  siginfo_t info = {};
  info.si_signo = signalNumber;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_ptr = request.get();
  if (syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, signalNumber, &info) != 0) return errno == ESRCH ? 0 : errno;

  const timespec pause = {0, 50'000};
  for (int waited = 0; !request->done.load(std::memory_order_acquire); ++waited) {
    if (waited * 50 > maxWaitMs * 1000) {
      // The signal may still come: its request and the handler must stay.
      request.release();
      abandoned_ = true;
      return ETIMEDOUT;
    }
    if (syscall(SYS_tgkill, getpid(), thread, 0) != 0 && errno == ESRCH) return 0;
    nanosleep(&pause, nullptr);
  }
  return request->result.load(std::memory_order_relaxed);
}

}  // namespace bpflow
