// What is seen of the hues of cells: their sum and the strongest, as src/kernel/reference-picture.ts says.
#include <algorithm>
#include <cstring>

#include "fours.h"
#include "kernel.h"
#include "row_group.h"
#include "wide.h"

namespace tailglow {
namespace {

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

}  // namespace

TAILGLOW_WIDE void mix(const double* values, size_t hues, size_t cells, double* sums, uint8_t* strongest) {
  for (size_t from = 0; from < cells; from += kMixChunk) {
    mixHues(values + from, hues, cells, std::min(kMixChunk, cells - from), sums + from, strongest + from);
  }
}

namespace {

/** Of the members of up to four columns in the rows of a group what is seen, [column][row - first]. */
struct MixTile {
  double sums[kFour][kGroupRows];
  uint8_t strongest[kFour][kGroupRows];
};

/** Of four rows of four columns the members of each column side by side: the next column's follow kGroupRows behind. */
inline __attribute__((always_inline)) void turnFour(const Doubles* rows, double* to) {
  constexpr Masks kEven = {0, 4, 2, 6};
  constexpr Masks kOdd = {1, 5, 3, 7};
  constexpr Masks kFirst = {0, 1, 4, 5};
  constexpr Masks kLast = {2, 3, 6, 7};
  const Doubles even[] = {__builtin_shuffle(rows[0], rows[1], kEven), __builtin_shuffle(rows[2], rows[3], kEven)};
  const Doubles odd[] = {__builtin_shuffle(rows[0], rows[1], kOdd), __builtin_shuffle(rows[2], rows[3], kOdd)};
  const Doubles columns[] = {__builtin_shuffle(even[0], even[1], kFirst), __builtin_shuffle(odd[0], odd[1], kFirst),
                             __builtin_shuffle(even[0], even[1], kLast), __builtin_shuffle(odd[0], odd[1], kLast)};
  for (size_t column = 0; column < kFour; column++) {
    memcpy(to + column * kGroupRows, &columns[column], sizeof columns[column]);
  }
}

/** Of four rows and up to four columns; of each row whose sums and strongest it finds. */
inline __attribute__((always_inline)) void mixFourRows(const RowGroup& group, const double* values, size_t width,
                                                       Doubles* sums, Masks* strongest) {
  Doubles largest[kFour] = {};
  for (size_t row = 0; row < kFour; row++) {
    sums[row] = Doubles{};
    strongest[row] = Masks{};
  }
  const size_t stride = group.hues * group.columns;
  for (size_t h = 0; h < group.hues; h++, values += group.columns) {
    const auto number = static_cast<int64_t>(h + 1);
    for (size_t row = 0; row < kFour; row++) {
      Doubles value = {};
      memcpy(&value, values + row * stride, width * sizeof(double));
      const Masks larger = value > largest[row];
      sums[row] += value;
      largest[row] = value > largest[row] ? value : largest[row];
      strongest[row] = larger ? Masks{number, number, number, number} : strongest[row];
    }
  }
}

inline __attribute__((always_inline)) void mixTile(const RowGroup& group, size_t column, size_t width, MixTile& tile) {
  // Of each column a byte a row.
  Masks strongest = {};
  for (size_t row = 0; row < kGroupRows; row += kFour) {
    Doubles sums[kFour];
    Masks hues[kFour];
    mixFourRows(group, group.lines + row * group.hues * group.columns + column, width, sums, hues);
    for (size_t i = 0; i < kFour; i++) strongest |= hues[i] << static_cast<int64_t>(8 * (row + i));
    turnFour(sums, tile.sums[0] + row);
  }
  memcpy(tile.strongest, &strongest, sizeof strongest);
}

inline __attribute__((always_inline)) void placeTile(const MixTile& tile, size_t width, size_t height, size_t rows,
                                                     double* sums, uint8_t* strongest) {
  for (size_t column = 0; column < width; column++) {
    memcpy(sums + column * rows, tile.sums[column], height * sizeof(double));
    memcpy(strongest + column * rows, tile.strongest[column], height);
  }
}

}  // namespace

TAILGLOW_WIDE void mixRows(const RowGroup& group, double* sums, uint8_t* strongest) {
  const auto& [lines, hues, columns, first, height, rows] = group;
  MixTile tile;
  for (size_t column = 0; column < columns; column += kFour) {
    const size_t width = std::min(kFour, columns - column);
    if (width == kFour) mixTile(group, column, kFour, tile);
    else mixTile(group, column, width, tile);
    const size_t to = column * rows + first;
    if (height == kGroupRows) placeTile(tile, width, kGroupRows, rows, sums + to, strongest + to);
    else placeTile(tile, width, height, rows, sums + to, strongest + to);
  }
}

}  // namespace tailglow
