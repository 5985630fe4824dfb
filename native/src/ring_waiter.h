#pragma once

#include <napi.h>

#include <chrono>
#include <cstdint>
#include <memory>

#include "file_descriptor.h"
#include "loop_watcher.h"
#include "record_reader.h"

namespace bpflow {

/**
 * Waits for records on the event loop, and tells the producers by a `u32 <map>_sleeping` in .bss when a wake-up is
 * needed:
 *
 *   consumer                              producer
 *   drain: nothing left                   reserve (moves the producer position)
 *   sleeping = 1                          wake = sleeping
 *   barrier                               if wake: sleeping = 0
 *   anything left? ── yes ─▶ go on        submit, with wake ? FORCE_WAKEUP : NO_WAKEUP
 *   wait
 *
 * One wake-up is enough, so who gives it takes the wish back. A consumer that is woken and finds no finished record (of
 * two producers the later one woke it) wishes again.
 *
 * A producer that read `sleeping` before it was set has moved the position before: the consumer sees a record that is
 * not finished and looks again after a millisecond. It looks once more in any case, because between the producer's
 * store of the position and its load of the flag there is no full barrier.
 *
 * A consumer that was woken within a millisecond eight times in a row is in a storm: it naps for a millisecond and
 * looks itself, until a nap brings nothing. Meanwhile `sleeping` is 2: it is to be woken only when the ring fills.
 *
 * An object without the flag has the kernel's own wake-ups: one for each record that finds the consumer at its
 * position; of a perf event array one for each record, which a nap leaves alone until they press. A descriptor of the
 * latter is readable only once for a wake-up, and adding it to a set of descriptors is asking: what came before the
 * loop waits for it is looked for once more.
 */
class RingWaiter final : private LoopWatcher::Listener {
 public:
  class Consumer {
   public:
    /** There are records. Runs on the event loop; may end the waiter. */
    virtual void onRecords() = 0;

   protected:
    ~Consumer() = default;
  };

  /** Returns null and sets `number` (positive errno) on failure. */
  static std::unique_ptr<RingWaiter> start(Napi::Env env, RecordReader& reader, uint32_t* sleeping, Consumer& consumer,
                                           int& number);
  ~RingWaiter();

  /** Watches the descriptors that the reader has by now, too. Returns 0 or a positive errno. */
  int watchMore();

  /** The consumer found nothing more. False when there is something after all: it must go on. */
  bool rest();

  /** The consumer left records: wake it in the next turn of the loop. */
  void continueSoon();

  /** After the consumer ran: sees to it that it runs again, whatever it did. */
  void settle();

 private:
  enum class State { awake, continuing, napping, asleep };

  RingWaiter(RecordReader& reader, uint32_t* sleeping, Consumer& consumer)
      : reader_(reader), sleeping_(sleeping), consumer_(consumer) {}

  void onReadable() override;
  void onTimer() override;
  int watch();
  bool fallAsleep();
  void wakeUp();
  void tell(uint32_t wish);

  RecordReader& reader_;
  uint32_t* sleeping_;
  Consumer& consumer_;
  FileDescriptor epoll_;
  LoopWatcher* watcher_ = nullptr;
  State state_ = State::awake;
  std::chrono::steady_clock::time_point asleepSince_;
  /** Wake-ups in a row that came soon after falling asleep. */
  int soon_ = 0;
  /** How often to look once more while asleep. The first time may be before the loop waits for the descriptors. */
  int looks_ = 2;
};

}  // namespace bpflow
