#include "ring_waiter.h"

#include <sys/epoll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace bpflow {

namespace {

constexpr uint64_t napMs = 1;

}  // namespace

std::unique_ptr<RingWaiter> RingWaiter::start(Napi::Env env, RecordReader& reader, uint32_t* sleeping,
                                              Consumer& consumer, int& number) {
  std::unique_ptr<RingWaiter> waiter(new RingWaiter(reader, sleeping, consumer));
  waiter->epoll_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  number = waiter->epoll_.valid() ? waiter->watch() : errno;
  if (number != 0) return nullptr;
  waiter->watcher_ = LoopWatcher::start(env, waiter->epoll_.get(), *waiter, number);
  if (waiter->watcher_ == nullptr) return nullptr;
  waiter->settle();
  return waiter;
}

int RingWaiter::watch() {
  // Edge-triggered, which uv_poll is not: else the loop would turn without rest while unread records lie in the ring.
  epoll_event event = {};
  event.events = EPOLLIN | EPOLLET;
  for (const int descriptor : reader_.descriptors()) {
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0 && errno != EEXIST) return errno;
  }
  return 0;
}

int RingWaiter::watchMore() {
  looks_ = std::max(looks_, 1);
  if (state_ == State::asleep) watcher_->startTimer(napMs);
  return watch();
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
  if (sleeping_ != nullptr) looks_ = std::max(looks_, 1);
  if (looks_ > 0) watcher_->startTimer(napMs);
  return true;
}

void RingWaiter::onReadable() {
  epoll_event event = {};
  while (epoll_wait(epoll_.get(), &event, 1, 0) < 0 && errno == EINTR) {
  }
  if (state_ == State::continuing || !reader_.readable()) return;
  if (state_ != State::napping || reader_.pressing()) wakeUp();
}

void RingWaiter::onTimer() {
  if (reader_.readable()) {
    wakeUp();
    return;
  }
  if (state_ == State::asleep) {
    looks_ = std::max(looks_ - 1, 0);
    if (looks_ > 0 || reader_.pending() != 0) watcher_->startTimer(napMs);
    return;
  }
  storm_ = false;
  if (!fallAsleep()) wakeUp();
}

void RingWaiter::wakeUp() {
  if (state_ == State::asleep) {
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
