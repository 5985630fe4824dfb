#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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
class RingReader {
 public:
  RingReader() = default;
  ~RingReader();
  RingReader(const RingReader&) = delete;
  RingReader& operator=(const RingReader&) = delete;

  /** Maps the ring of `size` data bytes. Returns 0 or a positive errno. */
  int map(int fd, size_t size);

  /**
   * Copies finished records as {u32 length, u32 0, data, padding} until there is none or the target is full.
   * `tooSmall` is set when the next record did not fit.
   */
  size_t copy(std::span<uint8_t> target, bool& tooSmall);

  /** Bytes between the positions: finished, discarded and unfinished records with their headers. */
  uint64_t pending() const;

  /** Whether the next record is finished. */
  bool readable() const;

 private:
  uint64_t produced() const;
  size_t copyProduced(std::span<uint8_t> target, bool& tooSmall);

  uint8_t* shared_ = nullptr;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
  size_t pageSize_ = 0;
  uint64_t position_ = 0;
};

}  // namespace bpflow
