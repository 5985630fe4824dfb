#include "ring_waiter.h"

#include <sys/epoll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace bpflow {

namespace {

constexpr uint64_t napMs = 1;

/** So many wake-ups, each within a nap's time of falling asleep, are a storm. */
constexpr int stormWakeUps = 8;

/** What the producers read: whether, and when, the consumer wants to be woken. */
constexpr uint32_t awake = 0;
constexpr uint32_t asleep = 1;
constexpr uint32_t napping = 2;

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
  tell(awake);
  if (watcher_ != nullptr) watcher_->stop();
}

bool RingWaiter::rest() {
  if (soon_ < stormWakeUps) return fallAsleep();
  state_ = State::napping;
  tell(napping);
  watcher_->startTimer(napMs);
  return true;
}

void RingWaiter::continueSoon() {
  tell(awake);
  state_ = State::continuing;
  watcher_->startTimer(0);
}

void RingWaiter::settle() {
  if (state_ == State::awake && (reader_.readable() || !rest())) continueSoon();
}

bool RingWaiter::fallAsleep() {
  tell(asleep);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (reader_.readable()) {
    tell(awake);
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
  if (state_ == State::continuing) return;
  if (state_ == State::napping) {
    // Who woke the consumer took back what it had said; the nap's end is near.
    if (reader_.readable() && reader_.pressing()) wakeUp();
  } else if (reader_.readable() || !fallAsleep()) {
    wakeUp();
  }
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
  soon_ = 0;
  if (!fallAsleep()) wakeUp();
}

void RingWaiter::wakeUp() {
  if (state_ == State::asleep) {
    const bool soon = std::chrono::steady_clock::now() - asleepSince_ < std::chrono::milliseconds(napMs);
    soon_ = soon ? soon_ + 1 : 0;
  }
  tell(awake);
  state_ = State::awake;
  consumer_.onRecords();
}

void RingWaiter::tell(uint32_t wish) {
  if (sleeping_ != nullptr) std::atomic_ref<uint32_t>(*sleeping_).store(wish, std::memory_order_release);
}

}  // namespace bpflow
