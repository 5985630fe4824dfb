#include "perf_reader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <iterator>

namespace bpflow {

namespace {

constexpr size_t outHeaderBytes = 8;

size_t paddedRecord(uint32_t length) {
  return (length + outHeaderBytes + 7) & ~size_t{7};
}

uint64_t monotonicNs() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

int PerfReader::map(int fd, size_t bytes) {
  mapFd_ = fd;
  bytes_ = bytes;
  return follow();
}

int PerfReader::follow() {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) return -cpus;
  Buffers opened;
  for (int cpu = 0; cpu < cpus; ++cpu) {
    auto buffer = std::make_unique<PerfBuffer>();
    const int number = buffer->open(cpu, bytes_);
    if (number == ENODEV) continue;
    if (number != 0) return number;
    opened.push_back(std::move(buffer));
  }
  for (const auto& buffer : opened) {
    const int cpu = buffer->cpu();
    const int fd = buffer->fd();
    if (bpf_map_update_elem(mapFd_, &cpu, &fd, BPF_ANY) != 0) return errno;
  }
  // Not at once when they are read: a program may be about to write its last record into one.
  std::erase_if(former_, [](const auto& buffer) { return buffer->pending() == 0; });
  former_.insert(former_.end(), std::make_move_iterator(current_.begin()), std::make_move_iterator(current_.end()));
  current_ = std::move(opened);
  return 0;
}

size_t PerfReader::copy(std::span<uint8_t> target, bool& tooSmall) {
  const uint64_t now = monotonicNs();
  for (const Buffers* buffers : {&former_, &current_})
    for (const auto& buffer : *buffers)
      buffer->look(now);
  size_t filled = 0;
  tooSmall = false;
  for (PerfBuffer* buffer = earliest(); buffer != nullptr; buffer = earliest()) {
    const uint32_t length = buffer->next()->length;
    const size_t whole = paddedRecord(length);
    tooSmall = whole > target.size() - filled;
    if (tooSmall) break;
    uint8_t* out = target.data() + filled;
    const uint32_t outHeader[] = {length, 0};
    std::memset(out + whole - 8, 0, 8);
    std::memcpy(out, outHeader, outHeaderBytes);
    buffer->take(out + outHeaderBytes);
    filled += whole;
  }
  for (const Buffers* buffers : {&former_, &current_})
    for (const auto& buffer : *buffers)
      buffer->release();
  return filled;
}

PerfBuffer* PerfReader::earliest() const {
  PerfBuffer* found = nullptr;
  for (const Buffers* buffers : {&former_, &current_}) {
    for (const auto& buffer : *buffers) {
      const PerfBuffer::Sample* next = buffer->next();
      if (next != nullptr && (found == nullptr || next->time < found->next()->time)) found = buffer.get();
    }
  }
  return found;
}

uint64_t PerfReader::pending() const {
  uint64_t bytes = 0;
  for (const Buffers* buffers : {&former_, &current_})
    for (const auto& buffer : *buffers)
      bytes += buffer->pending();
  return bytes;
}

bool PerfReader::pressing() const {
  return std::ranges::any_of(current_, [this](const auto& buffer) { return buffer->pending() >= bytes_ / 4; });
}

std::vector<int> PerfReader::descriptors() const {
  std::vector<int> all;
  for (const auto& buffer : current_)
    all.push_back(buffer->fd());
  return all;
}

}  // namespace bpflow
