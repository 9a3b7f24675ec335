// Cells of many keys and steps added up into few hues and columns, as src/kernel/reference.ts does it. Cells of one
// key and bucket lie together in runs; the runs are sorted by hue and bucket, two counting passes, and those of one
// hue and bucket are added up in a row of columns that stays in the first cache.
#include <memory>
#include <new>

#include "kernel.h"
#include "runs.h"
#include "varint.h"

namespace tailglow {

namespace {

/** Cells [first, first + length) of one key and bucket. */
struct Run {
  uint32_t first;
  uint32_t length;
  uint16_t hue;
  uint16_t bucket;
};

/** The runs of the placed cells, in the order of the cells; where `out` is null they are only counted. */
size_t runsOf(const Cells& cells, const int32_t* hueOfKey, Run* out) {
  size_t runs = 0;
  for (size_t i = 0; i < cells.length;) {
    const uint16_t key = cells.key[i];
    const uint16_t bucket = cells.bucket[i];
    const size_t first = i;
    i = runEnd(cells, i);
    if (hueOfKey[key] < 0) continue;
    if (out != nullptr) {
      out[runs] = {static_cast<uint32_t>(first), static_cast<uint32_t>(i - first),
                   static_cast<uint16_t>(hueOfKey[key]), bucket};
    }
    runs++;
  }
  return runs;
}

/** A stable counting sort by one of the indices; `next` has 65,537 members. */
void sortBy(uint16_t Run::*index, const Run* from, size_t length, uint32_t* next, Run* to) {
  for (size_t i = 0; i <= 0x10000; i++) next[i] = 0;
  for (size_t r = 0; r < length; r++) next[from[r].*index + 1]++;
  for (size_t i = 0; i < 0x10000; i++) next[i + 1] += next[i];
  for (size_t r = 0; r < length; r++) to[next[from[r].*index]++] = from[r];
}

bool isSorted(const Run* runs, size_t length) {
  for (size_t r = 1; r < length; r++) {
    if (runs[r].hue != runs[r - 1].hue ? runs[r].hue < runs[r - 1].hue : runs[r].bucket < runs[r - 1].bucket) return false;
  }
  return true;
}

/** A hue's bucket while its runs are added up: a sum for each column that any of them has. */
class Row {
 public:
  void add(const Cells& cells, const Run& run, const int32_t* columnOfStep) {
    for (size_t i = run.first; i < run.first + run.length; i++) {
      const int32_t column = columnOfStep[cells.step[i]];
      if (column < 0) continue;
      const uint64_t bit = uint64_t{1} << (column & 63);
      uint64_t& word = seen_[column >> 6];
      const double before = (word & bit) != 0 ? sums_[column] : 0;
      const double sum = before + cells.count[i];
      sums_[column] = sum < static_cast<double>(kSafeMax) ? sum : static_cast<double>(kSafeMax);
      word |= bit;
    }
  }

  /** Writes the sums from `at` on and begins anew; where the next row goes. */
  size_t take(const Run& run, const CellsRoom& room, size_t at) {
    for (size_t word = 0; word < kSteps / 64; word++) {
      for (uint64_t left = seen_[word]; left != 0; left &= left - 1) {
        const size_t column = word * 64 + static_cast<size_t>(__builtin_ctzll(left));
        room.step[at] = static_cast<uint8_t>(column);
        room.key[at] = run.hue;
        room.bucket[at] = run.bucket;
        room.count[at++] = sums_[column];
      }
      seen_[word] = 0;
    }
    return at;
  }

 private:
  double sums_[kSteps];
  uint64_t seen_[kSteps / 64] = {};
};

}  // namespace

ptrdiff_t addUp(const Cells& cells, const Placement& placement, const CellsRoom& room) {
  const size_t length = runsOf(cells, placement.hueOfKey, nullptr);
  const std::unique_ptr<Run[]> memory(new (std::nothrow) Run[2 * length + 1]);
  const std::unique_ptr<uint32_t[]> next(new (std::nothrow) uint32_t[0x10000 + 1]);
  if (!memory || !next) return kNoMemory;
  Run* const runs = memory.get();
  runsOf(cells, placement.hueOfKey, runs);
  if (!isSorted(runs, length)) {
    sortBy(&Run::bucket, runs, length, next.get(), runs + length);
    sortBy(&Run::hue, runs + length, length, next.get(), runs);
  }
  Row row;
  size_t at = 0;
  for (size_t r = 0; r < length; r++) {
    row.add(cells, runs[r], placement.columnOfStep);
    const bool isLast = r + 1 == length || runs[r + 1].hue != runs[r].hue || runs[r + 1].bucket != runs[r].bucket;
    if (isLast) at = row.take(runs[r], room, at);
  }
  return static_cast<ptrdiff_t>(at);
}

}  // namespace tailglow
