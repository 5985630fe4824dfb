#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "file_descriptor.h"

namespace bpflow {

/** Whether the kernel takes so many bytes for a CPU's buffer: whole pages, a power of two. */
bool isPerfBufferSize(double bytes);

/**
 * The buffer that programs on one CPU write into, on the pages that the kernel shares:
 *
 *   page 0   struct perf_event_mmap_page: head (written there), tail (written here)
 *   then     the data; a record that begins before its end goes on at its beginning
 *
 *   record   struct perf_event_header {type, misc, size}, then of
 *            a sample   u64 time (ns, monotonic clock), u32 length, data
 *            a loss     u64 id, u64 records: the programs have counted each of them, bpf_perf_event_output fails
 *
 * A pass is `look`, then `next` and `take` for each record, then `release`.
 */
class PerfBuffer {
 public:
  struct Sample {
    uint64_t time;
    /** As the kernel has it: the data is padded, up to 7 bytes. */
    uint32_t length;
  };

  PerfBuffer() = default;
  ~PerfBuffer();
  PerfBuffer(const PerfBuffer&) = delete;
  PerfBuffer& operator=(const PerfBuffer&) = delete;

  /** Returns 0 or a positive errno: ENODEV for a CPU that is offline. */
  int open(int cpu, size_t bytes);

  int cpu() const { return cpu_; }
  int fd() const { return fd_.get(); }
  uint64_t pending() const;

  /** Begins a pass over what is there by now and is not younger than `until` (ns, monotonic clock). */
  void look(uint64_t until);
  /** The next record of the pass; null at its end. */
  const Sample* next() const { return hasNext_ ? &sample_ : nullptr; }
  /** Copies the data of the next record, which has room, and goes on to the one behind it. */
  void take(uint8_t* target);
  /** Ends the pass: gives the space of what was taken back to the kernel. */
  void release();

 private:
  void findNext();
  void read(uint64_t from, void* target, size_t bytes) const;

  int cpu_ = -1;
  FileDescriptor fd_;
  uint8_t* pages_ = nullptr;
  size_t pageSize_ = 0;
  size_t size_ = 0;
  /** Of the next record; up to `end_` the kernel had written when the pass began. */
  uint64_t position_ = 0;
  uint64_t end_ = 0;
  uint64_t until_ = 0;
  uint16_t recordBytes_ = 0;
  bool hasNext_ = false;
  Sample sample_ = {};
};

}  // namespace bpflow
