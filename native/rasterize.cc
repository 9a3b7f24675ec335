// Cells of many blocks counted by hue, column and bucket, and these spread over rows, in one: as src/kernel/reference.ts
// does it with a plane of counts a hue. Here no such plane is made: runs of cells of one key and bucket are sorted by hue
// and bucket (two counting passes), those of one hue and bucket are added up in a line of columns that stays in the first
// cache, and the line goes to its rows, which are lines of columns too until the hue is done.
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

/** Visits the slot (hue * buckets + bucket) and the item of all cells of a block that may count, in their order. False
 *  where a key has no place. */
template <class Visit>
bool eachItem(const Placed& block, size_t number, const Window& window, Visit&& visit) {
  const auto [cells, placement] = block;
  const auto [hues, columns, bucketFirst, buckets] = window;
  for (size_t i = 0, end; i < cells.length; i = end) {
    const uint16_t key = cells.key[i];
    const uint16_t bucket = cells.bucket[i];
    end = i + 1;
    const bool isSingle = end == cells.length || cells.bucket[end] != bucket || cells.key[end] != key;
    if (!isSingle) end = runEnd(cells, i);
    if (key >= placement.keys) return false;
    const int32_t hue = placement.hueOfKey[key];
    if (hue < 0 || bucket < bucketFirst || bucket - bucketFirst >= buckets) continue;
    const size_t slot = static_cast<size_t>(hue) * buckets + (bucket - bucketFirst);
    if (isSingle) {
      const int32_t column = placement.columnOfStep[cells.step[i]];
      if (column >= 0) visit(slot, Item::ofCell(cells.count[i], column));
    } else {
      visit(slot, Item::ofRun(i, end - i, number));
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

template <class T>
std::unique_ptr<T[]> roomFor(size_t length) {
  return std::unique_ptr<T[]>(new (std::nothrow) T[length]);
}

/** Adds the items of one slot up in a line of columns; which columns they may have. */
Span addItems(const Item* item, const Item* end, const Placed* blocks, const Span* spans, double* line) {
  Span span;
  for (; item < end; item++) {
    if (item->place >= 0) {
      line[item->place] += item->count();
      span.include({item->place, item->place + 1});
      continue;
    }
    const auto block = static_cast<size_t>(~item->place);
    const auto& [cells, placement] = blocks[block];
    span.include(spans[block]);
    const int32_t* const columnOfStep = placement.columnOfStep;
    for (size_t i = item->value; i < item->value + item->length; i++) line[columnOfStep[cells.step[i]]] += cells.count[i];
  }
  return span;
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

}  // namespace

Rasterized rasterize(const Placed* blocks, size_t length, const Window& window, const RowSpread& spread,
                     const Drawn& out) {
  const auto& [hues, columns, bucketFirst, buckets] = window;
  const size_t slots = hues * buckets;
  const auto spans = roomFor<Span>(length);
  const auto next = roomFor<uint32_t>(slots + 1);
  // A line begins one member early: steps that have no column go there.
  const auto memory = roomFor<double>(1 + columns + spread.rows * columns);
  if (!spans || !next || !memory) return Rasterized::kNoMemory;
  for (size_t b = 0; b < length; b++) spans[b] = spanOf(blocks[b].placement.columnOfStep);
  // Two passes of a counting sort: how many items each slot has, then each to its place.
  std::fill_n(next.get(), slots + 1, 0);
  for (size_t b = 0; b < length; b++) {
    const auto count = [at = next.get() + 1](size_t slot, const Item&) { at[slot]++; };
    if (!eachItem(blocks[b], b, window, count)) return Rasterized::kFault;
  }
  for (size_t slot = 0; slot < slots; slot++) next[slot + 1] += next[slot];
  const auto items = roomFor<Item>(next[slots]);
  if (!items) return Rasterized::kNoMemory;
  for (size_t b = 0; b < length; b++) {
    const auto put = [at = next.get(), to = items.get()](size_t slot, const Item& item) { to[at[slot]++] = item; };
    eachItem(blocks[b], b, window, put);
  }

  double* const line = memory.get() + 1;
  double* const lines = line + columns;
  std::fill_n(memory.get(), 1 + columns, 0);
  std::fill_n(out.under, columns, 0);
  std::fill_n(out.over, columns, 0);
  const Item* at = items.get();
  for (size_t hue = 0; hue < hues; hue++) {
    std::fill_n(lines, spread.rows * columns, 0);
    for (size_t bucket = 0; bucket < buckets; bucket++) {
      const Item* const end = items.get() + next[hue * buckets + bucket];
      if (at == end) continue;
      const Span span = addItems(at, end, blocks, spans.get(), line);
      giveLine(line, columns, span, bucket, spread, lines, out);
      at = end;
    }
    turn(lines, spread.rows, columns, out.cells + hue * columns * spread.rows);
  }
  return Rasterized::kDone;
}

}  // namespace tailglow
