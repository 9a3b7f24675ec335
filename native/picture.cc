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

TAILGLOW_WIDE void halfOctaves(const double* sums, size_t cells, uint8_t* occupied) {
  constexpr size_t kChunk = 256;
  // The top 20 bits of the fraction of sqrt(2), rounded up.
  constexpr uint32_t kHalf = 0x6a09f;
  for (size_t from = 0; from < cells; from += kChunk) {
    const size_t n = cells - from < kChunk ? cells - from : kChunk;
    const double* const sum = sums + from;
    int32_t bins[kChunk];
    for (size_t i = 0; i < n; i++) {
      uint64_t bits;
      memcpy(&bits, &sum[i], sizeof bits);
      const auto high = static_cast<uint32_t>(bits >> 32);
      const int32_t bin = 2 * (static_cast<int32_t>(high >> 20) - 1023) + ((high & 0xfffff) >= kHalf ? 1 : 0) + 2;
      bins[i] = bin < 0 ? 0 : (bin < static_cast<int32_t>(kHalfOctaves) ? bin : static_cast<int32_t>(kHalfOctaves) - 1);
    }
    for (size_t i = 0; i < n; i++) {
      if (sum[i] != 0) occupied[bins[i]] = 1;
    }
  }
}

TAILGLOW_WIDE void shade(const double* sums, const uint8_t* strongest, size_t cells, size_t levels,
                         const double* thresholds, uint8_t* out) {
  for (size_t from = 0; from < cells; from += 2 * kFour) {
    const size_t n = std::min(2 * kFour, cells - from);
    uint64_t hues = 0;
    memcpy(&hues, strongest + from, n);
    if (hues == 0) {
      memset(out + from, 0, n);
      continue;
    }
    double padded[2 * kFour] = {};
    memcpy(padded, sums + from, n * sizeof(double));
    Doubles low;
    Doubles high;
    memcpy(&low, padded, sizeof low);
    memcpy(&high, padded + kFour, sizeof high);
    // Counted, not looked for: no branch for noise to mislead.
    Masks level[2] = {};
    for (size_t t = 0; t + 1 < levels; t++) {
      const Doubles threshold = {thresholds[t], thresholds[t], thresholds[t], thresholds[t]};
      level[0] -= threshold <= low;
      level[1] -= threshold <= high;
    }
    for (size_t i = 0; i < n; i++) {
      const size_t hue = strongest[from + i];
      const auto own = static_cast<size_t>(level[i / kFour][i % kFour]);
      out[from + i] = static_cast<uint8_t>(hue == 0 ? 0 : 1 + (hue - 1) * levels + own);
    }
  }
}

TAILGLOW_WIDE void rowSums(const double* sums, size_t columns, size_t rows, double* out) {
  std::fill_n(out, rows, 0);
  for (size_t column = 0; column < columns; column++) {
    const double* const own = sums + column * rows;
    for (size_t row = 0; row < rows; row++) out[row] += own[row];
  }
}

void paint(const uint8_t* cells, const Stretch& stretch, const uint8_t* palette, uint8_t* pixels, size_t stride) {
  for (size_t y = 0; y < stretch.height; y++) {
    uint8_t* const line = pixels + y * stride;
    const int32_t row = stretch.rowOfY[y];
    if (y > 0 && stretch.rowOfY[y - 1] == row) {
      memcpy(line, line - stride, stretch.width);
      continue;
    }
    const uint8_t* const from = cells + row;
    for (size_t x = 0; x < stretch.width; x++) {
      line[x] = palette[from[static_cast<size_t>(stretch.columnOfX[x]) * stretch.rows]];
    }
  }
}

}  // namespace tailglow
