// From rows of counts to palette indices and pixels: what src/kernel/reference-picture.ts does behind rasterize.
#include <algorithm>
#include <cstring>

#include "kernel.h"
#include "wide.h"

namespace tailglow {
namespace {

// Four at a time, said so that it holds for every compiler: of comparisons it makes branches else, which noise misleads.
using Doubles = double __attribute__((vector_size(32)));
using Masks = int64_t __attribute__((vector_size(32)));
using Bits = uint64_t __attribute__((vector_size(32)));
constexpr size_t kFour = 4;

constexpr size_t kMixChunk = 256;

/** What is known of a chunk's cells after some hues. */
struct MixChunk {
  double sum[kMixChunk];
  double largest[kMixChunk];
  int64_t hue[kMixChunk];
};

inline __attribute__((always_inline)) void mixFour(MixChunk& chunk, size_t i, const double* values, int64_t number) {
  Doubles value;
  Doubles sum;
  Doubles largest;
  Masks hue;
  memcpy(&value, values, sizeof value);
  memcpy(&sum, chunk.sum + i, sizeof sum);
  memcpy(&largest, chunk.largest + i, sizeof largest);
  memcpy(&hue, chunk.hue + i, sizeof hue);
  const Masks larger = value > largest;
  sum += value;
  largest = larger ? value : largest;
  hue = larger ? Masks{number, number, number, number} : hue;
  memcpy(chunk.sum + i, &sum, sizeof sum);
  memcpy(chunk.largest + i, &largest, sizeof largest);
  memcpy(chunk.hue + i, &hue, sizeof hue);
}

using Pair = double __attribute__((vector_size(16)));

/** Of two rows the members of some columns, [row][column], to where they lie side by side. */
inline void turnPair(const double* low, const double* high, size_t columns, size_t rows, double* to) {
  for (size_t column = 0; column < columns; column++) {
    const Pair pair = {low[column], high[column]};
    memcpy(to + column * rows, &pair, sizeof pair);
  }
}

}  // namespace

void turn(const double* lines, size_t rows, size_t columns, double* out) {
  // In squares, so that neither side is read or written across for long.
  constexpr size_t kSide = 8;
  for (size_t c = 0; c < columns; c += kSide) {
    const size_t width = std::min(kSide, columns - c);
    for (size_t r = 0; r < rows; r += kSide) {
      const size_t end = std::min(rows, r + kSide);
      size_t row = r;
      for (; row + 2 <= end; row += 2) {
        const double* const low = lines + row * columns + c;
        turnPair(low, low + columns, width, rows, out + c * rows + row);
      }
      for (; row < end; row++) {
        for (size_t column = c; column < c + width; column++) out[column * rows + row] = lines[row * columns + column];
      }
    }
  }
}

namespace {

/** Up to kMixChunk cells that lie `stride` apart from hue to hue: sums and strongest, hue after hue, so that memory is read
 *  in order. */
inline __attribute__((always_inline)) void mixHues(const double* lines, size_t hues, size_t stride, size_t n, double* sums,
                                                   uint8_t* strongest) {
  MixChunk chunk = {};
  for (size_t h = 0; h < hues; h++) {
    const auto number = static_cast<int64_t>(h + 1);
    const double* const values = lines + h * stride;
    size_t i = 0;
    for (; i + kFour <= n; i += kFour) mixFour(chunk, i, values + i, number);
    if (i == n) continue;
    double rest[kFour] = {};
    memcpy(rest, values + i, (n - i) * sizeof(double));
    mixFour(chunk, i, rest, number);
  }
  memcpy(sums, chunk.sum, n * sizeof(double));
  for (size_t i = 0; i < n; i++) strongest[i] = static_cast<uint8_t>(chunk.hue[i]);
}

/** Rows that are mixed before they are turned: a column's members fill a line of the cache. */
constexpr size_t kMixRows = 8;

}  // namespace

TAILGLOW_WIDE void mix(const double* lines, size_t hues, size_t rows, size_t columns, double* sums,
                       uint8_t* strongest) {
  const size_t cells = rows * columns;
  if (columns == 1) {
    for (size_t from = 0; from < cells; from += kMixChunk) {
      mixHues(lines + from, hues, cells, std::min(kMixChunk, cells - from), sums + from, strongest + from);
    }
    return;
  }
  double ownSums[kMixRows][kMixChunk];
  uint8_t ownStrongest[kMixRows][kMixChunk];
  for (size_t c = 0; c < columns; c += kMixChunk) {
    const size_t width = std::min(kMixChunk, columns - c);
    for (size_t r = 0; r < rows; r += kMixRows) {
      const size_t height = std::min(kMixRows, rows - r);
      for (size_t row = 0; row < height; row++) {
        mixHues(lines + (r + row) * columns + c, hues, cells, width, ownSums[row], ownStrongest[row]);
      }
      for (size_t column = 0; column < width; column++) {
        const size_t to = (c + column) * rows + r;
        for (size_t row = 0; row < height; row++) sums[to + row] = ownSums[row][column];
        for (size_t row = 0; row < height; row++) strongest[to + row] = ownStrongest[row][column];
      }
    }
  }
}

namespace {

/** Marks of the bins below 64, and of the others, per lane: gathered in registers, not in memory. */
struct BinMarks {
  Masks low;
  Masks high;
};

inline __attribute__((always_inline)) void markFour(const double* sums, BinMarks& marks) {
  static_assert(kHalfOctaves <= 128);
  // The top 20 bits of the fraction of sqrt(2), rounded up.
  constexpr int64_t kHalf = 0x6a09f;
  constexpr int64_t kLast = kHalfOctaves - 1;
  Bits bits;
  memcpy(&bits, sums, sizeof bits);
  const Masks isSum = (bits << 1) != 0;
  const Masks half = Masks(bits >> 32 & 0xfffff) >= kHalf;
  Masks bin = 2 * (Masks(bits >> 52) - 1023) - half + 2;
  bin = bin < 0 ? Masks{} : bin;
  bin = bin > kLast ? Masks{} + kLast : bin;
  const auto mark = Masks((Bits{} + 1) << Bits(bin & 63)) & isSum;
  marks.low |= bin < 64 ? mark : Masks{};
  marks.high |= bin < 64 ? Masks{} : mark;
}

}  // namespace

TAILGLOW_WIDE void halfOctaves(const double* sums, size_t cells, uint8_t* occupied) {
  BinMarks marks = {};
  size_t i = 0;
  for (; i + kFour <= cells; i += kFour) markFour(sums + i, marks);
  double rest[kFour] = {};
  memcpy(rest, sums + i, (cells - i) * sizeof(double));
  markFour(rest, marks);
  for (size_t bin = 0; bin < kHalfOctaves; bin++) {
    const Masks& own = bin < 64 ? marks.low : marks.high;
    const auto any = static_cast<uint64_t>(own[0] | own[1] | own[2] | own[3]);
    if ((any >> (bin % 64) & 1) != 0) occupied[bin] = 1;
  }
}

namespace {

constexpr size_t kEight = 8;

/** How indices follow from hues and sums. */
struct Shades {
  size_t thresholds;
  const double* threshold;
  /** Of each hue, counted from 1, its first index. */
  uint8_t first[kPaletteMax];
};

inline __attribute__((always_inline)) void shadeEight(const double* sums, const uint8_t* strongest, const Shades& shades,
                                                      uint8_t* out) {
  uint64_t hues;
  memcpy(&hues, strongest, sizeof hues);
  if (hues == 0) {
    memset(out, 0, kEight);
    return;
  }
  Doubles low;
  Doubles high;
  memcpy(&low, sums, sizeof low);
  memcpy(&high, sums + kFour, sizeof high);
  // Counted, not looked for: no branch for noise to mislead.
  Masks level[2] = {};
  for (size_t t = 0; t < shades.thresholds; t++) {
    const double one = shades.threshold[t];
    const Doubles threshold = {one, one, one, one};
    level[0] -= threshold <= low;
    level[1] -= threshold <= high;
  }
  for (size_t i = 0; i < kEight; i++) {
    const uint8_t hue = strongest[i];
    const auto own = static_cast<uint8_t>(level[i / kFour][i % kFour]);
    out[i] = static_cast<uint8_t>(shades.first[hue] + (hue == 0 ? 0 : own));
  }
}

}  // namespace

TAILGLOW_WIDE void shade(const double* sums, const uint8_t* strongest, size_t cells, size_t levels,
                         const double* thresholds, uint8_t* out) {
  Shades shades{levels - 1, thresholds, {}};
  for (size_t hue = 1; 1 + (hue - 1) * levels < kPaletteMax; hue++) {
    shades.first[hue] = static_cast<uint8_t>(1 + (hue - 1) * levels);
  }
  size_t i = 0;
  for (; i + kEight <= cells; i += kEight) shadeEight(sums + i, strongest + i, shades, out + i);
  double restSums[kEight] = {};
  uint8_t rest[kEight] = {};
  memcpy(restSums, sums + i, (cells - i) * sizeof(double));
  memcpy(rest, strongest + i, cells - i);
  uint8_t indices[kEight];
  shadeEight(restSums, rest, shades, indices);
  memcpy(out + i, indices, cells - i);
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
