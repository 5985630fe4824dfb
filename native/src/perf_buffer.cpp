#include "perf_buffer.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>

namespace bpflow {

namespace {

constexpr size_t sampleHeaderBytes = sizeof(perf_event_header) + sizeof(uint64_t) + sizeof(uint32_t);

std::atomic_ref<__u64> headOf(uint8_t* pages) {
  return std::atomic_ref<__u64>(reinterpret_cast<perf_event_mmap_page*>(pages)->data_head);
}

std::atomic_ref<__u64> tailOf(uint8_t* pages) {
  return std::atomic_ref<__u64>(reinterpret_cast<perf_event_mmap_page*>(pages)->data_tail);
}

}  // namespace

bool isPerfBufferSize(double bytes) {
  constexpr double most = 1024.0 * 1024 * 1024;
  return bytes >= static_cast<double>(sysconf(_SC_PAGESIZE)) && bytes <= most && std::trunc(bytes) == bytes &&
         std::has_single_bit(static_cast<uint64_t>(bytes));
}

PerfBuffer::~PerfBuffer() {
  if (pages_ != nullptr) munmap(pages_, pageSize_ + size_);
}

int PerfBuffer::open(int cpu, size_t bytes) {
  cpu_ = cpu;
  perf_event_attr attributes = {};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_BPF_OUTPUT;
  attributes.sample_type = PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;
  attributes.sample_period = 1;
  attributes.wakeup_events = 1;
  attributes.use_clockid = 1;
  attributes.clockid = CLOCK_MONOTONIC;
  fd_ = FileDescriptor(static_cast<int>(syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!fd_.valid()) return errno;
  pageSize_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_ = bytes;
  void* pages = mmap(nullptr, pageSize_ + size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (pages == MAP_FAILED) return errno;
  pages_ = static_cast<uint8_t*>(pages);
  return ioctl(fd_.get(), PERF_EVENT_IOC_ENABLE, 0) == 0 ? 0 : errno;
}

uint64_t PerfBuffer::pending() const {
  return headOf(pages_).load(std::memory_order_acquire) - position_;
}

void PerfBuffer::look(uint64_t until) {
  until_ = until;
  end_ = headOf(pages_).load(std::memory_order_acquire);
  findNext();
}

void PerfBuffer::take(uint8_t* target) {
  read(position_ + sampleHeaderBytes, target, sample_.length);
  position_ += recordBytes_;
  findNext();
}

void PerfBuffer::release() {
  tailOf(pages_).store(position_, std::memory_order_release);
}

void PerfBuffer::findNext() {
  for (hasNext_ = false; position_ != end_;) {
    perf_event_header header = {};
    read(position_, &header, sizeof(header));
    if (header.type == PERF_RECORD_SAMPLE) {
      read(position_ + sizeof(header), &sample_.time, sizeof(sample_.time));
      read(position_ + sizeof(header) + sizeof(sample_.time), &sample_.length, sizeof(sample_.length));
      recordBytes_ = header.size;
      hasNext_ = sample_.time <= until_;
      return;
    }
    position_ += header.size;
  }
}

void PerfBuffer::read(uint64_t from, void* target, size_t bytes) const {
  const uint8_t* data = pages_ + pageSize_;
  const size_t begin = from & (size_ - 1);
  const size_t first = std::min(bytes, size_ - begin);
  std::memcpy(target, data + begin, first);
  std::memcpy(static_cast<uint8_t*>(target) + first, data, bytes - first);
}

}  // namespace bpflow
