// Runs: cells of one key and bucket that lie together.
#pragma once

#include <cstring>

#include "kernel.h"

namespace tailglow {

/** Four indices, the first in the lowest bits. */
inline uint64_t fourIndices(const uint16_t* at) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint64_t four;
  std::memcpy(&four, at, sizeof four);
  return four;
#else
  return uint64_t{at[0]} | uint64_t{at[1]} << 16 | uint64_t{at[2]} << 32 | uint64_t{at[3]} << 48;
#endif
}

/** Eight at once, in a register of every CPU that has such. */
using EightIndices = uint16_t __attribute__((vector_size(16)));

inline EightIndices eightIndices(const uint16_t* at) {
  EightIndices eight;
  std::memcpy(&eight, at, sizeof eight);
  return eight;
}

inline bool isZero(const EightIndices& eight) {
  uint64_t halves[2];
  std::memcpy(halves, &eight, sizeof halves);
  return (halves[0] | halves[1]) == 0;
}

/** Where the run ends that begins at `i`: the first cell behind it of another key or bucket, or the end. */
inline size_t runEnd(const Cells& cells, size_t i) {
  constexpr uint64_t kEach = 0x0001000100010001;
  const uint16_t key = cells.key[i];
  const uint16_t bucket = cells.bucket[i];
  const EightIndices eightKeys = EightIndices{} + key;
  const EightIndices eightBuckets = EightIndices{} + bucket;
  for (i++; i + 16 <= cells.length; i += 16) {
    const EightIndices low = (eightIndices(cells.key + i) ^ eightKeys) | (eightIndices(cells.bucket + i) ^ eightBuckets);
    const EightIndices high =
        (eightIndices(cells.key + i + 8) ^ eightKeys) | (eightIndices(cells.bucket + i + 8) ^ eightBuckets);
    if (!isZero(low | high)) break;
  }
  const uint64_t keys = key * kEach;
  const uint64_t buckets = bucket * kEach;
  for (; i + 4 <= cells.length; i += 4) {
    const uint64_t other = (fourIndices(cells.key + i) ^ keys) | (fourIndices(cells.bucket + i) ^ buckets);
    if (other != 0) return i + static_cast<size_t>(__builtin_ctzll(other)) / 16;
  }
  while (i < cells.length && cells.key[i] == key && cells.bucket[i] == bucket) i++;
  return i;
}

}  // namespace tailglow
