#include "open_rows.h"

#include <algorithm>

#include "room.h"
#include "row_group.h"
#include "wide.h"

namespace tailglow {
namespace {

TAILGLOW_WIDE void addScaled(double* __restrict to, const double* __restrict from, double weight, size_t length) {
  for (size_t i = 0; i < length; i++) to[i] += from[i] * weight;
}

TAILGLOW_WIDE void scale(double* __restrict values, const double* __restrict factors, size_t length) {
  for (size_t i = 0; i < length; i++) values[i] *= factors[i];
}

size_t groupsOf(size_t rows) { return (rows + kGroupRows - 1) / kGroupRows; }

std::unique_ptr<size_t[]> lowestRows(const RowSpread& spread, size_t buckets) {
  auto lowest = roomFor<size_t>(buckets + 1);
  if (!lowest) return lowest;
  lowest[buckets] = spread.rows;
  for (size_t b = buckets; b-- > 0;) {
    lowest[b] = lowest[b + 1];
    for (int32_t j = spread.start[b]; j < spread.start[b + 1]; j++) {
      lowest[b] = std::min(lowest[b], static_cast<size_t>(spread.row[j]));
    }
  }
  return lowest;
}

std::unique_ptr<double[]> zeros(size_t length) {
  auto room = roomFor<double>(length);
  if (room) std::fill_n(room.get(), length, 0);
  return room;
}

}  // namespace

OpenRows::OpenRows(const Window& window, const RowSpread& spread, const Drawn& out)
    : window_(window),
      spread_(spread),
      out_(out),
      lowest_(lowestRows(spread, window.buckets)),
      outside_(zeros(2 * window.hues * window.columns)),
      groups_(roomFor<std::unique_ptr<double[]>>(groupsOf(spread.rows))) {}

bool OpenRows::hasMemory() const { return lowest_ && outside_ && groups_; }

size_t OpenRows::endOfGroup(size_t bucket) const {
  const size_t group = lowest_[bucket] / kGroupRows;
  do bucket++;
  while (bucket < window_.buckets && lowest_[bucket] / kGroupRows == group);
  return bucket;
}

bool OpenRows::give(const double* counts, size_t column, size_t width, size_t hue, size_t bucket) {
  for (int32_t j = spread_.start[bucket]; j < spread_.start[bucket + 1]; j++) {
    double* const to = line(static_cast<size_t>(spread_.row[j]), hue);
    if (to == nullptr) return false;
    addScaled(to + column, counts, spread_.weight[j], width);
  }
  const double parts[] = {spread_.under[bucket], spread_.over[bucket]};
  for (size_t side = 0; side < 2; side++) {
    double* const to = outside_.get() + (side * window_.hues + hue) * window_.columns;
    if (parts[side] != 0) addScaled(to + column, counts, parts[side], width);
  }
  return true;
}

/** Null where there is no memory. */
double* OpenRows::line(size_t row, size_t hue) {
  std::unique_ptr<double[]>& group = groups_[row / kGroupRows];
  if (!group && !open(&group)) return nullptr;
  return group.get() + (row % kGroupRows * window_.hues + hue) * window_.columns;
}

bool OpenRows::open(std::unique_ptr<double[]>* group) {
  const size_t length = kGroupRows * window_.hues * window_.columns;
  *group = spare_ ? std::move(spare_) : roomFor<double>(length);
  if (*group) std::fill_n(group->get(), length, 0);
  return *group != nullptr;
}

void OpenRows::closeBefore(size_t bucket) { closeGroups(lowest_[bucket] / kGroupRows); }

void OpenRows::close() {
  closeGroups(groupsOf(spread_.rows));
  addUpOutside();
}

void OpenRows::closeGroups(size_t until) {
  for (; closed_ < until; closed_++) closeGroup(closed_);
}

void OpenRows::closeGroup(size_t number) {
  const auto& [hues, columns, bucketFirst, buckets, factors] = window_;
  const size_t first = number * kGroupRows;
  const size_t height = std::min(kGroupRows, spread_.rows - first);
  double* const lines = groups_[number].get();
  if (lines == nullptr) return clear(first, height);
  for (size_t line = 0; factors != nullptr && line < height * hues; line++) scale(lines + line * columns, factors, columns);
  mixRows({lines, hues, columns, first, height, spread_.rows}, out_.sums, out_.strongest);
  if (out_.cells != nullptr) turn(lines, first, height);
  spare_ = std::move(groups_[number]);
}

/** To the cells, in which the rows of a column lie side by side. */
void OpenRows::turn(const double* lines, size_t first, size_t height) {
  for (size_t hue = 0; hue < window_.hues; hue++) {
    for (size_t column = 0; column < window_.columns; column++) {
      double* const to = out_.cells + (hue * window_.columns + column) * spread_.rows + first;
      const double* const from = lines + hue * window_.columns + column;
      for (size_t row = 0; row < height; row++) to[row] = from[row * window_.hues * window_.columns];
    }
  }
}

/** Rows that nothing was given to. */
void OpenRows::clear(size_t first, size_t height) {
  const size_t rows = spread_.rows;
  for (size_t column = 0; column < window_.columns; column++) {
    std::fill_n(out_.sums + column * rows + first, height, 0);
    std::fill_n(out_.strongest + column * rows + first, height, 0);
  }
  for (size_t line = 0; out_.cells != nullptr && line < window_.hues * window_.columns; line++) {
    std::fill_n(out_.cells + line * rows + first, height, 0);
  }
}

/** Hue by hue. */
void OpenRows::addUpOutside() {
  const size_t columns = window_.columns;
  double* const sides[] = {out_.under, out_.over};
  for (size_t side = 0; side < 2; side++) {
    std::fill_n(sides[side], columns, 0);
    for (size_t hue = 0; hue < window_.hues; hue++) {
      addScaled(sides[side], outside_.get() + (side * window_.hues + hue) * columns, 1, columns);
    }
    if (window_.factors != nullptr) scale(sides[side], window_.factors, columns);
  }
}

}  // namespace tailglow
