#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bpflow {

struct MapShape {
  uint32_t keySize;
  uint32_t valueSize;
  /** Bytes that the kernel copies for one entry: all CPUs' values for per-CPU maps. */
  uint64_t stride;
  uint32_t maxEntries;
  /** Not an array: the key at which a walk stands can be deleted, and then the kernel begins the walk anew. */
  bool keysCanVanish;
};

/** Whether the kernel reads this map in batches (percpu_array only since 5.13; no map before 5.6). */
enum class BatchSupport { untried, yes, no };

struct MapPass {
  size_t entries = 0;
  /** Positive errno of what ended the pass too early; 0 when it ended well. */
  int number = 0;
};

/**
 * Copies entries of a map into `keys` and `values` until the map or a buffer ends. Entry i lies at i × keySize and
 * i × stride. In batches where `batch` and the kernel allow it (`support` remembers the kernel's answer), else one by
 * one.
 */
MapPass readMap(int fd, const MapShape& shape, std::span<uint8_t> keys, std::span<uint8_t> values, bool batch,
                BatchSupport& support);

}  // namespace bpflow
