// Cells of many blocks counted by hue, column and bucket, and these spread over rows, in one: as src/kernel/reference.ts
// does it with a plane of counts a hue. Here no such plane is made: runs of cells of one key and bucket are sorted by hue
// and bucket (two counting passes), those of one hue and bucket are added up in a line of columns that stays in the first
// cache, and the line goes to its rows, which are lines of columns too until the hue is done. Cells that are not in order
// yet, report behind report, are added up by the column of their step, which stays in the cache, too.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "kernel.h"
#include "runs.h"
#include "wide.h"

namespace tailglow {
namespace {

/** Cells of one hue and bucket: of a run [value, value + length) of block ~place, or one cell with its column: what lies
 *  far apart is read in its order, once. */
struct Item {
  uint64_t value;
  int32_t place;
  uint32_t length;

  static Item ofRun(size_t first, size_t length, size_t block) {
    return {first, ~static_cast<int32_t>(block), static_cast<uint32_t>(length)};
  }

  static Item ofCell(double count, int32_t column) {
    Item item{0, column, 1};
    std::memcpy(&item.value, &count, sizeof count);
    return item;
  }

  double count() const {
    double count;
    std::memcpy(&count, &value, sizeof count);
    return count;
  }
};

/** The columns that a block's steps have, [first, end); empty where it has none. */
struct Span {
  int32_t first = INT32_MAX;
  int32_t end = 0;

  void include(const Span& other) {
    first = std::min(first, other.first);
    end = std::max(end, other.end);
  }
};

Span spanOf(const int32_t* columnOfStep) {
  Span span;
  for (size_t step = 0; step < kSteps; step++) {
    const int32_t column = columnOfStep[step];
    if (column >= 0) span.include({column, column + 1});
  }
  return span;
}

template <class T>
std::unique_ptr<T[]> roomFor(size_t length) {
  return std::unique_ptr<T[]>(new (std::nothrow) T[length]);
}

/** Of a window: hue * buckets + bucket, or kNoSlot. */
constexpr size_t kNoSlot = ~size_t{0};

inline size_t slotOf(const Placement& placement, const Window& window, uint16_t key, uint16_t bucket) {
  const int32_t hue = placement.hueOfKey[key];
  const bool counts = hue >= 0 && bucket >= window.bucketFirst && bucket - window.bucketFirst < window.buckets;
  return counts ? static_cast<size_t>(hue) * window.buckets + (bucket - window.bucketFirst) : kNoSlot;
}

/** Counts of some columns, [slot] of each. */
class Planes {
 public:
  explicit Planes(size_t columns, size_t slots)
      : slots_(slots), ofColumn_(roomFor<std::unique_ptr<double[]>>(columns)) {}

  /** Adds cells up that have the column's step; false where there is no memory. */
  bool add(int32_t column, const Placed& block, const Window& window, size_t first, size_t end) {
    std::unique_ptr<double[]>& plane = ofColumn_[static_cast<size_t>(column)];
    if (!plane) {
      plane = roomFor<double>(slots_);
      if (!plane) return false;
      std::fill_n(plane.get(), slots_, 0);
      span.include({column, column + 1});
    }
    double* const sums = plane.get();
    const auto& [cells, placement] = block;
    for (size_t i = first; i < end; i++) {
      const size_t slot = slotOf(placement, window, cells.key[i], cells.bucket[i]);
      if (slot != kNoSlot) sums[slot] += cells.count[i];
    }
    return true;
  }

  /** Adds a slot's counts to a line. */
  void addTo(double* line, size_t slot) const {
    for (int32_t column = span.first; column < span.end; column++) {
      const double* const sums = ofColumn_[static_cast<size_t>(column)].get();
      if (sums != nullptr) line[column] += sums[slot];
    }
  }

  bool hasMemory() const { return ofColumn_ != nullptr; }

  /** Within it are all that have counts. */
  Span span;

 private:
  size_t slots_;
  std::unique_ptr<std::unique_ptr<double[]>[]> ofColumn_;
};

inline bool isRepeated(const Cells& cells, size_t i) {
  return i + 1 < cells.length && cells.bucket[i + 1] == cells.bucket[i] && cells.key[i + 1] == cells.key[i];
}

/** Where the streak ends that begins at `i`: cells of one step of which each is a run by itself. */
inline size_t streakEnd(const Cells& cells, size_t i) {
  const uint8_t step = cells.step[i];
  do i++;
  while (i < cells.length && cells.step[i] == step && !isRepeated(cells, i));
  return i;
}

/** A streak is taken as one where it has so many cells, and a slot in so many has one of them: else making room for its
 *  column costs more than it saves. */
constexpr size_t kStreakMin = 32;
constexpr size_t kStreakShare = 16;

/** Visits all cells of a block that may count, in their order: slots with their items, and long streaks with their
 *  column. False where a key has no place, or `takeStreak` says so. */
template <class TakeItem, class TakeStreak>
bool eachItem(const Placed& block, size_t number, const Window& window, TakeItem&& takeItem, TakeStreak&& takeStreak) {
  const auto [cells, placement] = block;
  const size_t streakMin = std::max(kStreakMin, window.hues * window.buckets / kStreakShare);
  for (size_t i = 0, end; i < cells.length; i = end) {
    if (isRepeated(cells, i)) {
      end = runEnd(cells, i);
      if (cells.key[i] >= placement.keys) return false;
      const size_t slot = slotOf(placement, window, cells.key[i], cells.bucket[i]);
      if (slot != kNoSlot) takeItem(slot, Item::ofRun(i, end - i, number));
      continue;
    }
    end = streakEnd(cells, i);
    for (size_t cell = i; cell < end; cell++) {
      if (cells.key[cell] >= placement.keys) return false;
    }
    const int32_t column = placement.columnOfStep[cells.step[i]];
    if (column < 0) continue;
    if (end - i >= streakMin) {
      if (!takeStreak(column, i, end)) return false;
      continue;
    }
    for (size_t cell = i; cell < end; cell++) {
      const size_t slot = slotOf(placement, window, cells.key[cell], cells.bucket[cell]);
      if (slot != kNoSlot) takeItem(slot, Item::ofCell(cells.count[cell], column));
    }
  }
  return true;
}

TAILGLOW_WIDE void addScaled(double* __restrict to, const double* __restrict from, double weight, size_t length) {
  for (size_t i = 0; i < length; i++) to[i] += from[i] * weight;
}

using Pair = double __attribute__((vector_size(16)));

/** [row][column] to [column][row]. In squares, so that neither side is read or written across for long. */
void turn(const double* from, size_t rows, size_t columns, double* to) {
  constexpr size_t kSide = 8;
  for (size_t c = 0; c < columns; c += kSide) {
    const size_t cEnd = std::min(columns, c + kSide);
    for (size_t r = 0; r < rows; r += kSide) {
      const size_t rEnd = std::min(rows, r + kSide);
      size_t row = r;
      for (; row + 2 <= rEnd; row += 2) {
        const double* const low = from + row * columns;
        const double* const high = low + columns;
        for (size_t column = c; column < cEnd; column++) {
          const Pair pair = {low[column], high[column]};
          memcpy(to + column * rows + row, &pair, sizeof pair);
        }
      }
      for (; row < rEnd; row++) {
        for (size_t column = c; column < cEnd; column++) to[column * rows + row] = from[row * columns + column];
      }
    }
  }
}

/** Adds the items of one slot up in a line of columns; within the span are those that may have counts then. */
void addItems(const Item* item, const Item* end, const Placed* blocks, const Span* spans, double* line, Span* span) {
  for (; item < end; item++) {
    if (item->place >= 0) {
      line[item->place] += item->count();
      span->include({item->place, item->place + 1});
      continue;
    }
    const auto block = static_cast<size_t>(~item->place);
    const auto& [cells, placement] = blocks[block];
    span->include(spans[block]);
    const int32_t* const columnOfStep = placement.columnOfStep;
    for (size_t i = item->value; i < item->value + item->length; i++) line[columnOfStep[cells.step[i]]] += cells.count[i];
  }
}

/** Gives a line's counts of a bucket to its rows, lines of columns too, and to what lies beyond them; clears it. */
void giveLine(double* line, size_t columns, const Span& span, size_t bucket, const RowSpread& spread, double* lines,
              const Drawn& out) {
  const auto first = static_cast<size_t>(span.first);
  const auto width = static_cast<size_t>(span.end) - first;
  double* const counts = line + first;
  for (int32_t j = spread.start[bucket]; j < spread.start[bucket + 1]; j++) {
    addScaled(lines + static_cast<size_t>(spread.row[j]) * columns + first, counts, spread.weight[j], width);
  }
  if (spread.under[bucket] != 0) addScaled(out.under + first, counts, spread.under[bucket], width);
  if (spread.over[bucket] != 0) addScaled(out.over + first, counts, spread.over[bucket], width);
  std::fill_n(counts, width, 0);
}

/** All items, by slot. */
struct Sorted {
  std::unique_ptr<Item[]> items;
  /** Where each slot's end. */
  std::unique_ptr<uint32_t[]> ends;
};

/** Two passes of a counting sort: how many items each slot has, then each to its place. */
Rasterized sortItems(const Placed* blocks, const Span* spans, size_t length, const Window& window, Planes* planes,
                     Sorted* sorted) {
  const size_t slots = window.hues * window.buckets;
  sorted->ends = roomFor<uint32_t>(slots + 1);
  if (!sorted->ends) return Rasterized::kNoMemory;
  uint32_t* const ends = sorted->ends.get();
  std::fill_n(ends, slots + 1, 0);
  bool hasMemory = true;
  for (size_t b = 0; b < length; b++) {
    const auto count = [ends, counts = spans[b].end > 0](size_t slot, const Item&) { ends[slot + 1] += counts; };
    const auto add = [&](int32_t column, size_t first, size_t end) {
      return hasMemory = planes->add(column, blocks[b], window, first, end);
    };
    if (!eachItem(blocks[b], b, window, count, add)) return hasMemory ? Rasterized::kFault : Rasterized::kNoMemory;
  }
  for (size_t slot = 0; slot < slots; slot++) ends[slot + 1] += ends[slot];
  sorted->items = roomFor<Item>(ends[slots]);
  if (!sorted->items) return Rasterized::kNoMemory;
  for (size_t b = 0; b < length; b++) {
    if (spans[b].end == 0) continue;
    const auto put = [ends, to = sorted->items.get()](size_t slot, const Item& item) { to[ends[slot]++] = item; };
    eachItem(blocks[b], b, window, put, [](int32_t, size_t, size_t) { return true; });
  }
  return Rasterized::kDone;
}

}  // namespace

Rasterized rasterize(const Placed* blocks, size_t length, const Window& window, const RowSpread& spread,
                     const Drawn& out) {
  const auto& [hues, columns, bucketFirst, buckets] = window;
  const auto spans = roomFor<Span>(length);
  // A line begins one member early: steps that have no column go there.
  const auto memory = roomFor<double>(1 + columns + spread.rows * columns);
  Planes planes(columns, hues * buckets);
  Sorted sorted;
  if (!spans || !memory || !planes.hasMemory()) return Rasterized::kNoMemory;
  for (size_t b = 0; b < length; b++) spans[b] = spanOf(blocks[b].placement.columnOfStep);
  const Rasterized outcome = sortItems(blocks, spans.get(), length, window, &planes, &sorted);
  if (outcome != Rasterized::kDone) return outcome;

  double* const line = memory.get() + 1;
  double* const lines = line + columns;
  std::fill_n(memory.get(), 1 + columns, 0);
  std::fill_n(out.under, columns, 0);
  std::fill_n(out.over, columns, 0);
  const Item* at = sorted.items.get();
  for (size_t hue = 0, slot = 0; hue < hues; hue++) {
    std::fill_n(lines, spread.rows * columns, 0);
    for (size_t bucket = 0; bucket < buckets; bucket++, slot++) {
      const Item* const end = sorted.items.get() + sorted.ends[slot];
      Span span = planes.span;
      addItems(at, end, blocks, spans.get(), line, &span);
      at = end;
      if (span.end == 0) continue;
      planes.addTo(line, slot);
      giveLine(line, columns, span, bucket, spread, lines, out);
    }
    turn(lines, spread.rows, columns, out.cells + hue * columns * spread.rows);
  }
  return Rasterized::kDone;
}

}  // namespace tailglow
