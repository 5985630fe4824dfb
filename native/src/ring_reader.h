#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "record_reader.h"

namespace bpflow {

/**
 * The consumer's side of a BPF ring buffer, on the pages that the kernel shares:
 *
 *   page 0   consumer position (written here)
 *   page 1   producer position (read only)
 *   then     the data, mapped twice in a row, so that every record is contiguous
 *
 *   record   u32 length | busy (bit 31) | discarded (bit 30), u32 page offset, data, padding to 8 bytes
 */
class RingReader final : public RecordReader {
 public:
  ~RingReader() override;

  /** Maps the ring of `size` data bytes; its descriptor stays the caller's. Returns 0 or a positive errno. */
  int map(int fd, size_t size);

  size_t copy(std::span<uint8_t> target, bool& tooSmall) override;

  /** Bytes between the positions: finished, discarded and unfinished records with their headers. */
  uint64_t pending() const override;
  bool readable() const override;
  /** The producer wakes a consumer that naps only then. */
  bool pressing() const override { return true; }
  std::vector<int> descriptors() const override { return {fd_}; }

 private:
  uint64_t produced() const;
  size_t copyProduced(std::span<uint8_t> target, bool& tooSmall);

  int fd_ = -1;
  uint8_t* shared_ = nullptr;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t pageSize_ = 0;
  uint64_t position_ = 0;
};

}  // namespace bpflow
