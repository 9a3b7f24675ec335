// Cells of many blocks counted by hue, column and bucket, and these spread over rows, in one: as src/kernel/reference.ts
// does it with a plane of counts a hue. Here no such plane is made: runs of cells of one key and bucket are listed by hue
// and bucket, those of one hue and bucket are added up in a line of columns that stays in the first cache, and the line
// goes to its rows (open_rows.h). Buckets of a few rows at a time, hue by hue: these are complete soon behind their first
// count, and what is seen of them is found while they are still in the cache. Cells that are not in order yet, report behind
// report, are added up by the column of their step, which stays in the cache, too.
#include <algorithm>
#include <cstring>
#include <memory>

#include "kernel.h"
#include "open_rows.h"
#include "room.h"
#include "runs.h"
#include "wide.h"

namespace tailglow {
namespace {

/** Cells of one hue and bucket: of a run [value, value + length) of block ~place, its line `value` where the length is 0, or
 *  one cell with its column: what lies far apart is read in its order, once. */
struct Item {
  uint64_t value;
  int32_t place;
  uint32_t length;
  /** Which one was listed before it of that hue and bucket, counted from 1; 0 is none. */
  uint32_t next;

  static Item ofRun(size_t first, size_t length, size_t block) {
    return {first, ~static_cast<int32_t>(block), static_cast<uint32_t>(length), 0};
  }

  static Item ofLine(size_t line, size_t block) { return ofRun(line, 0, block); }

  static Item ofCell(double count, int32_t column) {
    Item item{0, column, 1, 0};
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

/** Of a block's steps. */
struct Steps {
  Span span;
  /** Those that have columns are within [first, end). */
  size_t first = kSteps;
  size_t end = 0;
  /** Per step: how many steps from it on have columns, one behind the other. */
  uint16_t inRow[kSteps];
};

Steps stepsOf(const int32_t* columnOfStep) {
  Steps steps;
  uint16_t inRow = 0;
  for (size_t step = kSteps; step-- > 0;) {
    const int32_t column = columnOfStep[step];
    const bool goesOn = inRow > 0 && columnOfStep[step + 1] == column + 1;
    inRow = static_cast<uint16_t>(column < 0 ? 0 : (goesOn ? inRow + 1 : 1));
    steps.inRow[step] = inRow;
    if (column < 0) continue;
    steps.span.include({column, column + 1});
    steps.first = step;
    steps.end = std::max(steps.end, step + 1);
  }
  return steps;
}

/** Of a window: hue * buckets + bucket, or kNoSlot. */
constexpr size_t kNoSlot = ~size_t{0};

inline size_t slotOf(const Placement& placement, const Window& window, uint16_t key, uint16_t bucket) {
  const int32_t hue = placement.hueOfKey[key];
  const bool counts = hue >= 0 && bucket >= window.bucketFirst && bucket - window.bucketFirst < window.buckets;
  return counts ? static_cast<size_t>(hue) * window.buckets + (bucket - window.bucketFirst) : kNoSlot;
}

/** Items by slot, the one added last first: counts are integers, so that their order says nothing. */
class Items {
 public:
  explicit Items(size_t slots) : last_(roomFor<uint32_t>(slots)) {
    if (last_) std::fill_n(last_.get(), slots, 0);
  }

  bool hasMemory() const { return last_ != nullptr; }

  /** False where there is no memory. */
  bool add(size_t slot, Item item) {
    if (length_ == room_ && !grow()) return false;
    item.next = last_[slot];
    items_[length_] = item;
    last_[slot] = static_cast<uint32_t>(++length_);
    return true;
  }

  /** Of a slot, and behind an item; null where there is none. */
  const Item* of(size_t slot) const { return at(last_[slot]); }
  const Item* behind(const Item& item) const { return at(item.next); }

 private:
  const Item* at(uint32_t number) const { return number == 0 ? nullptr : &items_[number - 1]; }

  bool grow() {
    const size_t room = std::max(kFirstRoom, 2 * room_);
    auto larger = roomFor<Item>(room);
    if (!larger) return false;
    std::copy_n(items_.get(), length_, larger.get());
    items_ = std::move(larger);
    room_ = room;
    return true;
  }

  static constexpr size_t kFirstRoom = 4096;
  /** Per slot which one was added last. */
  std::unique_ptr<uint32_t[]> last_;
  std::unique_ptr<Item[]> items_;
  size_t length_ = 0;
  size_t room_ = 0;
};

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
    const Cells& cells = block.cells;
    for (size_t i = first; i < end; i++) {
      const size_t slot = slotOf(block.placement, window, cells.key[i], cells.bucket[i]);
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

/** As listItems, of a block's lines. */
Rasterized listLines(const Placed& block, size_t number, const Span& span, const Window& window, Items* items) {
  const auto& [length, key, bucket, count] = block.lines;
  for (size_t line = 0; line < length; line++) {
    if (key[line] >= block.placement.keys) return Rasterized::kFault;
    const size_t slot = slotOf(block.placement, window, key[line], bucket[line]);
    if (slot == kNoSlot || span.end == 0) continue;
    if (!items->add(slot, Item::ofLine(line, number))) return Rasterized::kNoMemory;
  }
  return Rasterized::kDone;
}

/** Lists the items of a block's cells that count; long streaks are added to their column's plane. */
Rasterized listItems(const Placed& block, size_t number, const Span& span, const Window& window, Items* items,
                     Planes* planes) {
  const auto& [cells, lines, placement] = block;
  if (lines.length > 0) return listLines(block, number, span, window, items);
  const size_t streakMin = std::max(kStreakMin, window.hues * window.buckets / kStreakShare);
  bool hasMemory = true;
  const auto list = [&](size_t first, const Item& item) {
    const size_t slot = slotOf(placement, window, cells.key[first], cells.bucket[first]);
    if (slot != kNoSlot && !items->add(slot, item)) hasMemory = false;
  };
  for (size_t i = 0, end; i < cells.length && hasMemory; i = end) {
    if (isRepeated(cells, i)) {
      end = runEnd(cells, i);
      if (cells.key[i] >= placement.keys) return Rasterized::kFault;
      if (span.end > 0) list(i, Item::ofRun(i, end - i, number));
      continue;
    }
    end = streakEnd(cells, i);
    for (size_t cell = i; cell < end; cell++) {
      if (cells.key[cell] >= placement.keys) return Rasterized::kFault;
    }
    const int32_t column = placement.columnOfStep[cells.step[i]];
    if (column < 0) continue;
    if (end - i >= streakMin) {
      hasMemory = planes->add(column, block, window, i, end);
      continue;
    }
    for (size_t cell = i; cell < end; cell++) list(cell, Item::ofCell(cells.count[cell], column));
  }
  return hasMemory ? Rasterized::kDone : Rasterized::kNoMemory;
}

using Pair = double __attribute__((vector_size(16)));

/** Whether these are the steps of eight seconds, one behind the other. */
inline bool areEight(const uint8_t* step) {
  constexpr uint64_t kEach = 0x0101010101010101;
  uint64_t eight;
  std::memcpy(&eight, step, sizeof eight);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  constexpr uint64_t kAscending = 0x0706050403020100;
#else
  constexpr uint64_t kAscending = 0x0001020304050607;
#endif
  return eight == step[0] * kEach + kAscending && step[0] <= kSteps - 8;
}

/** Adds a run up in a line of columns: where it has cells of every second, eight at once. */
void addRun(const Placed& block, const Steps& steps, size_t first, size_t length, double* line) {
  const uint8_t* step = block.cells.step + first;
  const double* count = block.cells.count + first;
  const int32_t* const columnOfStep = block.placement.columnOfStep;
  for (; length >= 8; step += 8, count += 8, length -= 8) {
    if (steps.inRow[step[0]] >= 8 && areEight(step)) {
      double* const to = line + columnOfStep[step[0]];
      for (size_t i = 0; i < 8; i += 2) {
        Pair sum, more;
        std::memcpy(&sum, to + i, sizeof sum);
        std::memcpy(&more, count + i, sizeof more);
        sum += more;
        std::memcpy(to + i, &sum, sizeof sum);
      }
    } else {
      for (size_t i = 0; i < 8; i++) line[columnOfStep[step[i]]] += count[i];
    }
  }
  for (size_t i = 0; i < length; i++) line[columnOfStep[step[i]]] += count[i];
}

/** Adds a line's counts up in a line of columns. */
inline __attribute__((always_inline)) void addLine(const Placed& block, const Steps& steps, size_t number, double* line) {
  const uint16_t* const counts = block.lines.count + number * kSteps;
  for (size_t step = steps.first; step < steps.end; step++) {
    const size_t length = steps.inRow[step];
    if (length == 0) continue;
    double* __restrict const to = line + block.placement.columnOfStep[step];
    const uint16_t* __restrict const from = counts + step;
    for (size_t i = 0; i < length; i++) to[i] += from[i];
    step += length - 1;
  }
}

/** Adds the items of one slot up in a line of columns; within the span are those that may have counts then. */
TAILGLOW_WIDE void addItems(const Items& items, size_t slot, const Placed* blocks, const Steps* steps, double* line, Span* span) {
  for (const Item* item = items.of(slot); item != nullptr; item = items.behind(*item)) {
    if (item->place >= 0) {
      line[item->place] += item->count();
      span->include({item->place, item->place + 1});
      continue;
    }
    const auto block = static_cast<size_t>(~item->place);
    span->include(steps[block].span);
    if (item->length == 0) addLine(blocks[block], steps[block], item->value, line);
    else addRun(blocks[block], steps[block], item->value, item->length, line);
  }
}

}  // namespace

Rasterized rasterize(const Placed* blocks, size_t length, const Window& window, const RowSpread& spread,
                     const Drawn& out) {
  const auto& [hues, columns, bucketFirst, buckets, factors] = window;
  const auto steps = roomFor<Steps>(length);
  // The line begins one member early: steps that have no column go there.
  const auto memory = roomFor<double>(1 + columns);
  Planes planes(columns, hues * buckets);
  Items items(hues * buckets);
  OpenRows rows(window, spread, out);
  if (!steps || !memory || !planes.hasMemory() || !items.hasMemory() || !rows.hasMemory()) return Rasterized::kNoMemory;
  for (size_t b = 0; b < length; b++) {
    steps[b] = stepsOf(blocks[b].placement.columnOfStep);
    const Rasterized outcome = listItems(blocks[b], b, steps[b].span, window, &items, &planes);
    if (outcome != Rasterized::kDone) return outcome;
  }

  double* const line = memory.get() + 1;
  std::fill_n(memory.get(), 1 + columns, 0);
  for (size_t first = 0, end; first < buckets; first = end) {
    end = rows.endOfGroup(first);
    for (size_t hue = 0; hue < hues; hue++) {
      for (size_t bucket = first; bucket < end; bucket++) {
        const size_t slot = hue * buckets + bucket;
        Span span = planes.span;
        addItems(items, slot, blocks, steps.get(), line, &span);
        if (span.end == 0) continue;
        planes.addTo(line, slot);
        const auto column = static_cast<size_t>(span.first);
        const auto width = static_cast<size_t>(span.end) - column;
        if (!rows.give(line + column, column, width, hue, bucket)) return Rasterized::kNoMemory;
        std::fill_n(line + column, width, 0);
      }
    }
    rows.closeBefore(end);
  }
  rows.close();
  return Rasterized::kDone;
}

}  // namespace tailglow
