// From rows of counts to palette indices and pixels: what src/kernel/reference-picture.ts does behind mix.
#include <algorithm>
#include <cstring>

#include "fours.h"
#include "kernel.h"
#include "wide.h"

namespace tailglow {
namespace {

constexpr size_t kEight = 8;

using Ints = int32_t __attribute__((vector_size(32)));
using Words = int16_t __attribute__((vector_size(16)));
using Unsigned = uint32_t __attribute__((vector_size(32)));
using EightBytes = uint8_t __attribute__((vector_size(8)));

/** Of what eight doubles take the words `first`, `first` + 2, ... Vectors are handed out by reference: returned, they would differ
 *  with the CPU that is compiled for. */
inline __attribute__((always_inline)) void everyOther(const void* values, int first, Ints& out) {
  Ints low;
  Ints high;
  memcpy(&low, values, sizeof low);
  memcpy(&high, static_cast<const uint8_t*>(values) + sizeof low, sizeof high);
  const Ints each = {first, first + 2, first + 4, first + 6, first + 8, first + 10, first + 12, first + 14};
  out = __builtin_shuffle(low, high, each);
}

constexpr int kHigh = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 0;

/** Of eight doubles the high words: of those that are 0 or more they are ordered as these are. */
inline __attribute__((always_inline)) void highWords(const double* values, Ints& out) {
  everyOther(values, kHigh, out);
}

constexpr size_t kMarkWords = (kHalfOctaves + 31) / 32;

/** Marks of the bins, 32 a word, per lane: gathered in registers, not in memory. */
struct BinMarks {
  Ints words[kMarkWords];
};

inline __attribute__((always_inline)) void markEight(const double* sums, BinMarks& marks) {
  // The top 20 bits of the fraction of sqrt(2), rounded up.
  constexpr int32_t kHalf = 0x6a09f;
  constexpr int32_t kLast = kHalfOctaves - 1;
  Ints high;
  Ints low;
  everyOther(sums, kHigh, high);
  everyOther(sums, 1 - kHigh, low);
  const Ints isSum = (high << 1 | low) != 0;
  const Ints half = (high & 0xfffff) >= kHalf;
  Ints bin = 2 * ((high >> 20) - 1023) - half + 2;
  bin = bin < 0 ? Ints{} : bin;
  bin = bin > kLast ? Ints{} + kLast : bin;
  const Ints mark = Ints((Unsigned{} + 1) << Unsigned(bin & 31)) & isSum;
  for (size_t word = 0; word < kMarkWords; word++) {
    marks.words[word] |= mark & (bin >> 5 == static_cast<int32_t>(word));
  }
}

}  // namespace

TAILGLOW_WIDE void halfOctaves(const double* sums, size_t cells, uint8_t* occupied) {
  BinMarks marks = {};
  size_t i = 0;
  for (; i + kEight <= cells; i += kEight) markEight(sums + i, marks);
  double rest[kEight] = {};
  memcpy(rest, sums + i, (cells - i) * sizeof(double));
  markEight(rest, marks);
  for (size_t bin = 0; bin < kHalfOctaves; bin++) {
    uint32_t any = 0;
    for (size_t lane = 0; lane < kEight; lane++) any |= static_cast<uint32_t>(marks.words[bin / 32][lane]);
    if ((any >> (bin % 32) & 1) != 0) occupied[bin] = 1;
  }
}

namespace {

/** Thresholds as the picture has them most of the time: half-octaves, of which the low word is 0. A sum is at or above
 *  one where its high word is. */
struct RoundThresholds {
  int32_t high[kPaletteMax];
  size_t length;

  /** False where they are others. */
  bool read(const double* thresholds, size_t count) {
    length = count;
    if (count > kPaletteMax) return false;
    for (size_t t = 0; t < count; t++) {
      uint64_t bits;
      memcpy(&bits, thresholds + t, sizeof bits);
      if (static_cast<uint32_t>(bits) != 0 || bits >> 63 != 0) return false;
      high[t] = static_cast<int32_t>(bits >> 32);
    }
    return true;
  }

  /** Of 16 sums how many thresholds are at or below each. Counted, not looked for: no branch for noise to mislead. */
  inline __attribute__((always_inline)) void levels(const double* sums, Ints level[2]) const {
    Ints words[2];
    highWords(sums, words[0]);
    highWords(sums + kEight, words[1]);
    level[0] = level[1] = Ints{};
    for (size_t t = 0; t < length; t++) {
      const Ints threshold = Ints{} + high[t];
      level[0] -= words[0] >= threshold;
      level[1] -= words[1] >= threshold;
    }
  }
};

struct AnyThresholds {
  const double* thresholds;
  size_t length;

  inline __attribute__((always_inline)) void levels(const double* sums, Ints level[2]) const {
    Doubles own[4];
    Masks counts[4] = {};
    for (size_t i = 0; i < 4; i++) memcpy(&own[i], sums + i * kFour, sizeof own[i]);
    for (size_t t = 0; t < length; t++) {
      const double one = thresholds[t];
      const Doubles threshold = {one, one, one, one};
      for (size_t i = 0; i < 4; i++) counts[i] -= threshold <= own[i];
    }
    everyOther(counts, 1 - kHigh, level[0]);
    everyOther(counts + 2, 1 - kHigh, level[1]);
  }
};

/** The indices of eight cells: `levels` a hue, counted from 1; 0 for none. */
inline __attribute__((always_inline)) void indexEight(const Ints& level, const uint8_t* strongest, int16_t levels,
                                                      uint8_t* out) {
  EightBytes bytes;
  memcpy(&bytes, strongest, sizeof bytes);
  const Words hue = __builtin_convertvector(bytes, Words);
  const Words index = __builtin_convertvector(level, Words) + (hue - 1) * levels + 1;
  bytes = __builtin_convertvector(index & (hue != 0), EightBytes);
  memcpy(out, &bytes, sizeof bytes);
}

template <class Thresholds>
inline __attribute__((always_inline)) void shadeAll(const double* sums, const uint8_t* strongest, size_t cells,
                                                    const Thresholds& thresholds, uint8_t* out) {
  constexpr size_t kCells = 2 * kEight;
  const auto levels = static_cast<int16_t>(thresholds.length + 1);
  const auto shadeCells = [&](const double* sum, const uint8_t* hue, uint8_t* to) __attribute__((always_inline)) {
    Ints level[2];
    thresholds.levels(sum, level);
    indexEight(level[0], hue, levels, to);
    indexEight(level[1], hue + kEight, levels, to + kEight);
  };
  size_t i = 0;
  for (; i + kCells <= cells; i += kCells) {
    uint64_t hues[2];
    memcpy(hues, strongest + i, sizeof hues);
    if ((hues[0] | hues[1]) == 0) memset(out + i, 0, kCells);
    else shadeCells(sums + i, strongest + i, out + i);
  }
  double restSums[kCells] = {};
  uint8_t rest[kCells] = {};
  memcpy(restSums, sums + i, (cells - i) * sizeof(double));
  memcpy(rest, strongest + i, cells - i);
  uint8_t indices[kCells];
  shadeCells(restSums, rest, indices);
  memcpy(out + i, indices, cells - i);
}

}  // namespace

TAILGLOW_WIDE void shade(const double* sums, const uint8_t* strongest, size_t cells, size_t levels,
                         const double* thresholds, uint8_t* out) {
  RoundThresholds round;
  if (round.read(thresholds, levels - 1)) shadeAll(sums, strongest, cells, round, out);
  else shadeAll(sums, strongest, cells, AnyThresholds{thresholds, levels - 1}, out);
}

TAILGLOW_WIDE void rowSums(const double* sums, size_t columns, size_t rows, double* out) {
  std::fill_n(out, rows, 0);
  for (size_t column = 0; column < columns; column++) {
    const double* const own = sums + column * rows;
    for (size_t row = 0; row < rows; row++) out[row] += own[row];
  }
}

namespace {

/** Lines that are painted at once: what is read of a column lies side by side. */
constexpr size_t kLines = 8;

struct Line {
  uint8_t* pixels;
  size_t row;
};

template <size_t kCount>
void paintLines(const uint8_t* cells, const Stretch& stretch, const uint8_t* palette, const Line* lines) {
  for (size_t x = 0; x < stretch.width; x++) {
    const uint8_t* const column = cells + static_cast<size_t>(stretch.columnOfX[x]) * stretch.rows;
    for (size_t i = 0; i < kCount; i++) lines[i].pixels[x] = palette[column[lines[i].row]];
  }
}

}  // namespace

void paint(const uint8_t* cells, const Stretch& stretch, const uint8_t* palette, uint8_t* pixels, size_t stride) {
  const auto isRepeated = [&](size_t y) { return y > 0 && stretch.rowOfY[y] == stretch.rowOfY[y - 1]; };
  for (size_t y = 0, end; y < stretch.height; y = end) {
    Line lines[kLines];
    size_t count = 0;
    for (end = y; end < stretch.height; end++) {
      if (isRepeated(end)) continue;
      if (count == kLines) break;
      lines[count++] = {pixels + end * stride, static_cast<size_t>(stretch.rowOfY[end])};
    }
    if (count == kLines) {
      paintLines<kLines>(cells, stretch, palette, lines);
    } else {
      for (size_t i = 0; i < count; i++) paintLines<1>(cells, stretch, palette, lines + i);
    }
    for (size_t repeated = y; repeated < end; repeated++) {
      uint8_t* const line = pixels + repeated * stride;
      if (isRepeated(repeated)) memcpy(line, line - stride, stretch.width);
    }
  }
}

void filterRows(const uint8_t* pixels, size_t width, size_t height, uint8_t* out) {
  constexpr uint8_t kNone = 0;
  constexpr uint8_t kUp = 2;
  for (size_t y = 0; y < height; y++, pixels += width, out += width + 1) {
    if (y > 0 && memcmp(pixels, pixels - width, width) == 0) {
      out[0] = kUp;
      memset(out + 1, 0, width);
    } else {
      out[0] = kNone;
      memcpy(out + 1, pixels, width);
    }
  }
}

}  // namespace tailglow
