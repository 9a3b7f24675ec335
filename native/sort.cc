// Cells into the order (key, bucket, step), those of one place added up, as src/kernel/reference.ts does it. Cells
// come as open blocks grow: a head that is in order already, and a tail of reports behind it. Only the tail is
// sorted, and only by row (key and bucket): few rows take one counting pass. Then each row of the tail is put behind
// the head's; within a row steps mostly come in order, and where they do not, a row of sums puts them right.
#include <cstring>
#include <memory>
#include <new>

#include "kernel.h"
#include "varint.h"

namespace tailglow {

namespace {

/** A tail's cell: row << 8 | step. Rows number the keys and buckets that the tail spans. */
struct Entry {
  uint64_t place;
  double count;
};

constexpr int kStepBits = 8;
/** Counters of a pass stay in the first cache. */
constexpr int kDigitBitsMax = 13;

int bitWidth(uint64_t value) { return value == 0 ? 0 : 64 - __builtin_clzll(value); }

inline uint32_t rowOf(const CellsRoom& cells, size_t i) { return uint32_t{cells.key[i]} << 16 | cells.bucket[i]; }

/** How many cells from the first on are in order, each place once. */
size_t sortedLength(const CellsRoom& cells) {
  for (size_t i = 1; i < cells.length; i++) {
    const uint64_t before = uint64_t{rowOf(cells, i - 1)} << kStepBits | cells.step[i - 1];
    const uint64_t place = uint64_t{rowOf(cells, i)} << kStepBits | cells.step[i];
    if (place <= before) return i;
  }
  return cells.length;
}

/** The keys and buckets of a tail. */
struct Span {
  uint16_t keyFirst = UINT16_MAX;
  uint16_t keyLast = 0;
  uint16_t bucketFirst = UINT16_MAX;
  uint16_t bucketLast = 0;

  uint64_t buckets() const { return uint64_t{bucketLast} - bucketFirst + 1; }
  uint64_t rows() const { return (uint64_t{keyLast} - keyFirst + 1) * buckets(); }
};

/** Passes that rows take, at least one. */
int passesOf(const Span& span) {
  const int rowBits = bitWidth(span.rows() - 1);
  return rowBits == 0 ? 1 : (rowBits + kDigitBitsMax - 1) / kDigitBitsMax;
}

Span spanOf(const CellsRoom& cells, size_t from) {
  Span span;
  for (size_t i = from; i < cells.length; i++) {
    span.keyFirst = cells.key[i] < span.keyFirst ? cells.key[i] : span.keyFirst;
    span.keyLast = cells.key[i] > span.keyLast ? cells.key[i] : span.keyLast;
    span.bucketFirst = cells.bucket[i] < span.bucketFirst ? cells.bucket[i] : span.bucketFirst;
    span.bucketLast = cells.bucket[i] > span.bucketLast ? cells.bucket[i] : span.bucketLast;
  }
  return span;
}

/** Where each digit's entries begin, from how many there are. */
void toStarts(uint32_t* counters, size_t digits) {
  uint32_t sum = 0;
  for (size_t d = 0; d < digits; d++) {
    const uint32_t n = counters[d];
    counters[d] = sum;
    sum += n;
  }
}

/** The cells from `from` on by row, those of one row in their old order; the result is in the array returned.
 *  `spare` is used where rows take more than one pass, lowest digit first. */
Entry* sortByRow(const CellsRoom& cells, size_t from, const Span& span, Entry* entries, Entry* spare) {
  const size_t length = cells.length - from;
  const int passes = passesOf(span);
  const int digitBits = (bitWidth(span.rows() - 1) + passes - 1) / passes;
  const size_t digits = size_t{1} << digitBits;
  uint32_t next[size_t{1} << kDigitBitsMax] = {};
  const uint64_t buckets = span.buckets();
  const uint16_t* const keys = cells.key + from;
  const uint16_t* const bucketsOf = cells.bucket + from;
  const auto rowAt = [&](size_t i) {
    return (uint64_t{keys[i]} - span.keyFirst) * buckets + bucketsOf[i] - span.bucketFirst;
  };
  for (size_t i = 0; i < length; i++) next[rowAt(i) & (digits - 1)]++;
  toStarts(next, digits);
  for (size_t i = 0; i < length; i++) {
    const uint64_t row = rowAt(i);
    entries[next[row & (digits - 1)]++] = {row << kStepBits | cells.step[from + i], cells.count[from + i]};
  }
  for (int pass = 1; pass < passes; pass++) {
    const int shift = kStepBits + pass * digitBits;
    std::memset(next, 0, sizeof next);
    for (size_t i = 0; i < length; i++) next[(entries[i].place >> shift) & (digits - 1)]++;
    toStarts(next, digits);
    for (size_t i = 0; i < length; i++) spare[next[(entries[i].place >> shift) & (digits - 1)]++] = entries[i];
    Entry* const sorted = spare;
    spare = entries;
    entries = sorted;
  }
  return entries;
}

/** A sum above what a count may be stays there. */
inline double added(double a, double b) {
  const double sum = a + b;
  return sum < static_cast<double>(kSafeMax) ? sum : static_cast<double>(kSafeMax);
}

void copyCells(const CellsRoom& to, size_t at, const CellsRoom& from, size_t first, size_t length) {
  if (length == 0) return;
  std::memmove(to.step + at, from.step + first, length * sizeof to.step[0]);
  std::memmove(to.key + at, from.key + first, length * sizeof to.key[0]);
  std::memmove(to.bucket + at, from.bucket + first, length * sizeof to.bucket[0]);
  std::memmove(to.count + at, from.count + first, length * sizeof to.count[0]);
}

/** Cells of one row: `length` of the head's, then the tail's. */
struct Row {
  const uint8_t* step;
  const double* count;
  size_t length;
  const Entry* entries;
  size_t entriesLength;
};

/** Step and sum of each step of a row that comes in any order; how many. */
size_t mergeAnyOrder(const Row& row, uint8_t* step, double* count) {
  double sums[kSteps];
  uint64_t seen[kSteps / 64] = {};
  const auto add = [&](uint8_t at, double value) {
    const uint64_t bit = uint64_t{1} << (at & 63);
    sums[at] = (seen[at >> 6] & bit) != 0 ? added(sums[at], value) : value;
    seen[at >> 6] |= bit;
  };
  for (size_t i = 0; i < row.length; i++) add(row.step[i], row.count[i]);
  for (size_t i = 0; i < row.entriesLength; i++) add(static_cast<uint8_t>(row.entries[i].place), row.entries[i].count);
  size_t end = 0;
  for (size_t word = 0; word < kSteps / 64; word++) {
    for (uint64_t left = seen[word]; left != 0; left &= left - 1) {
      const size_t at = word * 64 + static_cast<size_t>(__builtin_ctzll(left));
      step[end] = static_cast<uint8_t>(at);
      count[end++] = sums[at];
    }
  }
  return end;
}

/** The same; steps that come in order are only appended. */
size_t mergeRow(const Row& row, uint8_t* step, double* count) {
  size_t end = row.length;
  if (end > 0) {
    std::memcpy(step, row.step, end * sizeof step[0]);
    std::memcpy(count, row.count, end * sizeof count[0]);
  }
  int last = end > 0 ? step[end - 1] : -1;
  for (size_t i = 0; i < row.entriesLength; i++) {
    const int at = static_cast<uint8_t>(row.entries[i].place);
    if (at < last) return mergeAnyOrder(row, step, count);
    if (at == last) {
      count[end - 1] = added(count[end - 1], row.entries[i].count);
      continue;
    }
    step[end] = static_cast<uint8_t>(at);
    count[end++] = row.entries[i].count;
    last = at;
  }
  return end;
}

/** The first of the head's cells that are in `row` or after it. */
size_t headFrom(const CellsRoom& cells, size_t length, uint32_t row) {
  size_t low = 0;
  for (size_t high = length; low < high;) {
    const size_t middle = (low + high) / 2;
    if (rowOf(cells, middle) < row) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** Puts the tail's rows between the head's, `head` being a copy of what lies from `at` on; the new length. */
size_t mergeRows(const CellsRoom& cells, size_t at, const CellsRoom& head, const Entry* entries, size_t length,
                 const Span& span) {
  size_t h = 0;
  for (size_t i = 0; i < length;) {
    const uint64_t number = entries[i].place >> kStepBits;
    const auto key = static_cast<uint16_t>(span.keyFirst + number / span.buckets());
    const auto bucket = static_cast<uint16_t>(span.bucketFirst + number % span.buckets());
    const uint32_t row = uint32_t{key} << 16 | bucket;
    const size_t before = h;
    while (h < head.length && rowOf(head, h) < row) h++;
    copyCells(cells, at, head, before, h - before);
    at += h - before;
    const size_t from = h;
    while (h < head.length && rowOf(head, h) == row) h++;
    const size_t first = i;
    while (i < length && entries[i].place >> kStepBits == number) i++;
    const Row merged{head.step + from, head.count + from, h - from, entries + first, i - first};
    const size_t end = at + mergeRow(merged, cells.step + at, cells.count + at);
    for (size_t c = at; c < end; c++) cells.key[c] = key;
    for (size_t c = at; c < end; c++) cells.bucket[c] = bucket;
    at = end;
  }
  copyCells(cells, at, head, h, head.length - h);
  return at + head.length - h;
}

}  // namespace

ptrdiff_t sortMerge(CellsRoom cells) {
  const size_t sorted = sortedLength(cells);
  if (sorted >= cells.length) return static_cast<ptrdiff_t>(cells.length);
  const size_t tail = cells.length - sorted;
  const Span span = spanOf(cells, sorted);
  const size_t kept = headFrom(cells, sorted, uint32_t{span.keyFirst} << 16 | span.bucketFirst);
  const size_t moved = sorted - kept;

  const std::unique_ptr<Entry[]> entries(new (std::nothrow) Entry[passesOf(span) > 1 ? 2 * tail : tail]);
  const std::unique_ptr<double[]> counts(new (std::nothrow) double[moved + 1]);
  const std::unique_ptr<uint16_t[]> indices(new (std::nothrow) uint16_t[2 * moved + 1]);
  const std::unique_ptr<uint8_t[]> steps(new (std::nothrow) uint8_t[moved + 1]);
  if (!entries || !counts || !indices || !steps) return -1;

  const CellsRoom head{moved, steps.get(), indices.get(), indices.get() + moved, counts.get()};
  copyCells(head, 0, cells, kept, moved);
  const Entry* const byRow = sortByRow(cells, sorted, span, entries.get(), entries.get() + tail);
  return static_cast<ptrdiff_t>(mergeRows(cells, kept, head, byRow, tail, span));
}

}  // namespace tailglow
