// Rows of a picture that lie one above the other, as many as a line of the cache has members of a column: what is drawn of
// them stays in the cache until it is mixed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tailglow {

constexpr size_t kGroupRows = 8;

/** `height` rows from `first` on, of `rows` in all; kGroupRows of them have memory. */
struct RowGroup {
  /** [row - first][hue][column] */
  const double* lines;
  size_t hues;
  size_t columns;
  size_t first;
  size_t height;
  size_t rows;
};

/** Sets the group's rows of sums and strongest, [column][row] (mix.cc). */
void mixRows(const RowGroup& group, double* sums, uint8_t* strongest);

}  // namespace tailglow
