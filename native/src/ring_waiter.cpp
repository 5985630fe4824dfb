#include "ring_waiter.h"

#include <sys/epoll.h>

#include <atomic>
#include <cerrno>

namespace bpflow {

namespace {

constexpr uint64_t napMs = 1;

}  // namespace

std::unique_ptr<RingWaiter> RingWaiter::start(Napi::Env env, int ringFd, RingReader& reader, uint32_t* sleeping,
                                              Consumer& consumer, int& number) {
  std::unique_ptr<RingWaiter> waiter(new RingWaiter(reader, sleeping, consumer));
  // Edge-triggered, which uv_poll is not: else the loop would turn without rest while unread records lie in the ring.
  waiter->epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  if (!waiter->epoll_.valid() || epoll_ctl(waiter->epoll_.get(), EPOLL_CTL_ADD, ringFd, &event) != 0) {
    number = errno;
    return nullptr;
  }
  waiter->watcher_ = LoopWatcher::start(env, waiter->epoll_.get(), *waiter, number);
  if (waiter->watcher_ == nullptr) return nullptr;
  waiter->settle();
  return waiter;
}

RingWaiter::~RingWaiter() {
  setSleeping(false);
  if (watcher_ != nullptr) watcher_->stop();
}

bool RingWaiter::rest() {
  if (!storm_) return fallAsleep();
  state_ = State::napping;
  watcher_->startTimer(napMs);
  return true;
}

void RingWaiter::continueSoon() {
  setSleeping(false);
  state_ = State::continuing;
  watcher_->startTimer(0);
}

void RingWaiter::settle() {
  if (state_ == State::awake && (reader_.readable() || !rest())) continueSoon();
}

bool RingWaiter::fallAsleep() {
  setSleeping(true);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (reader_.readable()) {
    setSleeping(false);
    return false;
  }
  if (state_ != State::asleep) asleepSince_ = std::chrono::steady_clock::now();
  state_ = State::asleep;
  if (sleeping_ != nullptr) watcher_->startTimer(napMs);
  return true;
}

void RingWaiter::onReadable() {
  epoll_event event = {};
  while (epoll_wait(epoll_.get(), &event, 1, 0) < 0 && errno == EINTR) {
  }
  if (state_ != State::continuing && reader_.readable()) wakeUp();
}

void RingWaiter::onTimer() {
  if (reader_.readable()) {
    wakeUp();
    return;
  }
  if (state_ == State::asleep) {
    if (reader_.pending() != 0) watcher_->startTimer(napMs);
    return;
  }
  storm_ = false;
  if (!fallAsleep()) wakeUp();
}

void RingWaiter::wakeUp() {
  if (state_ == State::asleep && sleeping_ != nullptr) {
    storm_ = std::chrono::steady_clock::now() - asleepSince_ < std::chrono::milliseconds(napMs);
  }
  setSleeping(false);
  state_ = State::awake;
  consumer_.onRecords();
}

void RingWaiter::setSleeping(bool sleeping) {
  if (sleeping_ != nullptr) std::atomic_ref<uint32_t>(*sleeping_).store(sleeping ? 1 : 0, std::memory_order_release);
}

}  // namespace bpflow
