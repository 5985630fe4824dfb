#include "map_reader.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "errno_name.h"

namespace bpflow {

namespace {

class MapReader {
 public:
  MapReader(int fd, const MapShape& shape, std::span<uint8_t> keys, std::span<uint8_t> values)
      : fd_(fd),
        shape_(shape),
        keys_(keys),
        values_(values),
        capacity_(std::min(keys.size() / shape.keySize, values.size() / shape.stride)) {}

  MapPass readBatches();
  MapPass readOneByOne();

 private:
  int readLastBucket(const uint8_t* cursor);
  uint8_t* key(size_t entry) const { return keys_.data() + entry * shape_.keySize; }
  uint8_t* value(size_t entry) const { return values_.data() + entry * shape_.stride; }

  int fd_;
  const MapShape& shape_;
  std::span<uint8_t> keys_;
  std::span<uint8_t> values_;
  size_t capacity_;
  size_t entries_ = 0;
};

MapPass MapReader::readBatches() {
  // The kernel's position: a bucket number (u32) for hashes, else the last key.
  std::vector<uint8_t> cursor(std::max<size_t>(shape_.keySize, sizeof(uint64_t)));
  bool begun = false;
  while (entries_ < capacity_) {
    uint32_t count = static_cast<uint32_t>(std::min<size_t>(capacity_ - entries_, UINT32_MAX));
    std::vector<uint8_t> next(cursor.size());
    const int result = bpf_map_lookup_batch(fd_, begun ? cursor.data() : nullptr, next.data(), key(entries_),
                                            value(entries_), &count, nullptr);
    const int number = result == 0 ? 0 : errno;
    if (number == ENOSPC) {
      const int failed = readLastBucket(begun ? cursor.data() : nullptr);
      return {entries_, failed};
    }
    if (number != 0 && number != ENOENT) return {entries_, number};
    entries_ += count;
    if (number == ENOENT) break;
    cursor.swap(next);
    begun = true;
  }
  return {entries_, 0};
}

/**
 * A hash is read by whole buckets. When the next bucket has more entries than there is room, it is read apart and as
 * much of it copied as fits: the buffers end here, the pass is done.
 */
int MapReader::readLastBucket(const uint8_t* cursor) {
  const size_t room = capacity_ - entries_;
  for (uint64_t size = room * 2 + 8; size <= uint64_t{shape_.maxEntries} * 2 + 16; size *= 2) {
    uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(size, UINT32_MAX));
    std::vector<uint8_t> keys(count * uint64_t{shape_.keySize});
    std::vector<uint8_t> values(count * shape_.stride);
    std::vector<uint8_t> next(std::max<size_t>(shape_.keySize, sizeof(uint64_t)));
    const int result = bpf_map_lookup_batch(fd_, const_cast<uint8_t*>(cursor), next.data(), keys.data(), values.data(),
                                            &count, nullptr);
    const int number = result == 0 ? 0 : errno;
    if (number == ENOSPC) continue;
    if (number != 0 && number != ENOENT) return number;
    const size_t fitting = std::min<size_t>(count, room);
    std::memcpy(key(entries_), keys.data(), fitting * shape_.keySize);
    std::memcpy(value(entries_), values.data(), fitting * shape_.stride);
    entries_ += fitting;
    return 0;
  }
  return ENOSPC;
}

MapPass MapReader::readOneByOne() {
  std::unordered_set<std::string_view> seen;
  std::vector<uint8_t> next(shape_.keySize);
  std::vector<uint8_t> current;
  // Each loss of the current key starts the walk anew: bounded, so that a map in full change cannot hold us for ever.
  uint64_t steps = uint64_t{shape_.maxEntries} * 4 + 64;
  while (entries_ < capacity_ && steps-- > 0) {
    if (bpf_map_get_next_key(fd_, current.empty() ? nullptr : current.data(), next.data()) != 0) {
      return {entries_, errno == ENOENT ? 0 : errno};
    }
    current = next;
    const std::string_view name(reinterpret_cast<const char*>(next.data()), next.size());
    if (shape_.keysCanVanish && seen.contains(name)) continue;
    if (bpf_map_lookup_elem(fd_, next.data(), value(entries_)) != 0) {
      if (errno == ENOENT) continue;
      return {entries_, errno};
    }
    std::memcpy(key(entries_), next.data(), next.size());
    if (shape_.keysCanVanish) seen.emplace(reinterpret_cast<const char*>(key(entries_)), next.size());
    ++entries_;
  }
  return {entries_, 0};
}

bool meansNoBatches(int number) {
  return number == kernelNotSupported || number == EINVAL || number == EPERM || number == EOPNOTSUPP;
}

}  // namespace

MapPass readMap(int fd, const MapShape& shape, std::span<uint8_t> keys, std::span<uint8_t> values, bool batch,
                BatchSupport& support) {
  if (shape.keySize == 0 || shape.stride == 0) return {0, kernelNotSupported};
  if (batch && support != BatchSupport::no) {
    const MapPass pass = MapReader(fd, shape, keys, values).readBatches();
    const bool refused = support == BatchSupport::untried && pass.entries == 0 && meansNoBatches(pass.number);
    if (!refused) {
      if (pass.number == 0) support = BatchSupport::yes;
      return pass;
    }
    support = BatchSupport::no;
  }
  return MapReader(fd, shape, keys, values).readOneByOne();
}

}  // namespace bpflow
