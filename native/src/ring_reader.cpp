#include "ring_reader.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace bpflow {

namespace {

constexpr size_t headerBytes = 8;

/** After how many bytes the space is given back within one drain; the producers read that cache line at every record.
 */
constexpr uint64_t releaseBytes = 16 * 1024;

uint64_t paddedTo8(uint64_t size) {
  return (size + 7) & ~uint64_t{7};
}

uint32_t loadHeader(const uint8_t* record) {
  return std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(const_cast<uint8_t*>(record)))
      .load(std::memory_order_acquire);
}

uint64_t loadPosition(const uint8_t* page) {
  // The kernel's positions are `unsigned long`; user space is 64-bit here.
  return std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(const_cast<uint8_t*>(page)))
      .load(std::memory_order_acquire);
}

void storePosition(uint8_t* page, uint64_t position) {
  std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(page)).store(position, std::memory_order_release);
}

}  // namespace

RingReader::~RingReader() {
  if (shared_ != nullptr) munmap(shared_, pageSize_);
  if (data_ != nullptr) munmap(data_, pageSize_ + 2 * size_);
}

int RingReader::map(int fd, size_t size) {
  pageSize_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_ = size;
  fd_ = fd;
  void* shared = mmap(nullptr, pageSize_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared == MAP_FAILED) return errno;
  shared_ = static_cast<uint8_t*>(shared);
  void* data = mmap(nullptr, pageSize_ + 2 * size_, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(pageSize_));
  if (data == MAP_FAILED) return errno;
  data_ = static_cast<uint8_t*>(data);
  position_ = loadPosition(shared_);
  return 0;
}

uint64_t RingReader::produced() const {
  return loadPosition(data_);
}

uint64_t RingReader::pending() const {
  return produced() - position_;
}

bool RingReader::readable() const {
  if (pending() == 0) return false;
  return (loadHeader(data_ + pageSize_ + (position_ & (size_ - 1))) & BPF_RINGBUF_BUSY_BIT) == 0;
}

size_t RingReader::copy(std::span<uint8_t> target, bool& tooSmall) {
  size_t filled = 0;
  tooSmall = false;
  do {
    filled += copyProduced(target.subspan(filled), tooSmall);
    storePosition(shared_, position_);
    // The kernel wakes for a record only when it sees the position at it: look again after it can.
    std::atomic_thread_fence(std::memory_order_seq_cst);
  } while (!tooSmall && readable());
  return filled;
}

/** Up to the records that were there at the beginning. */
size_t RingReader::copyProduced(std::span<uint8_t> target, bool& tooSmall) {
  size_t filled = 0;
  uint64_t released = position_;
  for (const uint64_t end = produced(); position_ != end;) {
    const uint8_t* record = data_ + pageSize_ + (position_ & (size_ - 1));
    const uint32_t header = loadHeader(record);
    if ((header & BPF_RINGBUF_BUSY_BIT) != 0) break;
    const uint32_t length = header & ~BPF_RINGBUF_DISCARD_BIT;
    const uint64_t whole = paddedTo8(uint64_t{length} + headerBytes);
    if ((header & BPF_RINGBUF_DISCARD_BIT) == 0) {
      tooSmall = whole > target.size() - filled;
      if (tooSmall) break;
      uint8_t* out = target.data() + filled;
      const uint32_t outHeader[] = {length, 0};
      std::memset(out + whole - 8, 0, 8);
      std::memcpy(out, outHeader, headerBytes);
      std::memcpy(out + headerBytes, record + headerBytes, length);
      filled += whole;
    }
    position_ += whole;
    if (position_ - released >= releaseBytes) {
      storePosition(shared_, position_);
      released = position_;
    }
  }
  return filled;
}

}  // namespace bpflow
