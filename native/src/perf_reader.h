#pragma once

#include <memory>
#include <vector>

#include "perf_buffer.h"
#include "record_reader.h"

namespace bpflow {

/**
 * The consumer of a perf event array: a buffer for each CPU that is online. A pass copies what was finished when it
 * began, in the order of time, whatever CPU wrote it. What is younger waits for the next one, even if it is there: its
 * buffer may be looked at after that of the CPU where its cause was.
 */
class PerfReader final : public RecordReader {
 public:
  /** Opens buffers of `bytes`; the map's descriptor stays the caller's. Returns 0 or a positive errno. */
  int map(int fd, size_t bytes);

  size_t copy(std::span<uint8_t> target, bool& tooSmall) override;
  uint64_t pending() const override;
  bool readable() const override { return pending() != 0; }
  /** Whether a buffer is a quarter full. */
  bool pressing() const override;
  std::vector<int> descriptors() const override;

  /**
   * A CPU's buffer ends for good when the CPU goes offline. Every CPU that is online gets a new one; the old ones are
   * read to their end, and closed by the next call.
   */
  int follow() override;

 private:
  using Buffers = std::vector<std::unique_ptr<PerfBuffer>>;

  PerfBuffer* earliest() const;

  int mapFd_ = -1;
  size_t bytes_ = 0;
  /** What programs write into. */
  Buffers current_;
  /** What they wrote into before. */
  Buffers former_;
};

}  // namespace bpflow
