#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bpflow {

/** The consumer's side of what programs in the kernel write records into. */
class RecordReader {
 public:
  RecordReader() = default;
  virtual ~RecordReader() = default;
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  /**
   * Copies finished records as {u32 length, u32 0, data, padding to 8 bytes} until there is none or the target is
   * full. `tooSmall` is set when the next record did not fit.
   */
  virtual size_t copy(std::span<uint8_t> target, bool& tooSmall) = 0;

  /** Bytes that were written and not copied yet, with their headers. */
  virtual uint64_t pending() const = 0;

  /** Whether the next record is finished. */
  virtual bool readable() const = 0;

  /** Whether what waits should be read now, though the consumer is about to look by itself in a millisecond. */
  virtual bool pressing() const = 0;

  /** What becomes readable when the kernel wakes the consumer. */
  virtual std::vector<int> descriptors() const = 0;

  /** Reads of CPUs that have come online since, too. Returns 0 or a positive errno. */
  virtual int follow() { return 0; }
};

}  // namespace bpflow
