// The rows of a picture while they are filled, lines of columns: a group of them from the first count that one gets until no
// bucket is left that gives any more; then what is seen of them is found, and their memory is the next group's.
#pragma once

#include <cstddef>
#include <memory>

#include "kernel.h"

namespace tailglow {

/** Sets all of `out`, between its making and close(). Window, spread and out outlive it. */
class OpenRows {
 public:
  OpenRows(const Window& window, const RowSpread& spread, const Drawn& out);

  bool hasMemory() const;

  /** The first bucket behind `bucket` that gives nothing to the lowest group of rows that this one gives to. */
  size_t endOfGroup(size_t bucket) const;

  /** Gives a hue's counts of a bucket, of `width` columns from `column` on, to its rows and to what lies beyond them; of each
   *  hue ascending by bucket. False where there is no memory. */
  bool give(const double* counts, size_t column, size_t width, size_t hue, size_t bucket);

  /** Buckets below this one give nothing any more. */
  void closeBefore(size_t bucket);

  /** Nothing is given any more. */
  void close();

 private:
  double* line(size_t row, size_t hue);
  bool open(std::unique_ptr<double[]>* group);
  void closeGroups(size_t until);
  void closeGroup(size_t number);
  void turn(const double* lines, size_t first, size_t height);
  void clear(size_t first, size_t height);
  void addUpOutside();

  const Window& window_;
  const RowSpread& spread_;
  const Drawn& out_;
  /** Per bucket the lowest row that it or one behind it gives anything to. */
  std::unique_ptr<size_t[]> lowest_;
  /** What lies below the rows, then what above: [side][hue][column]. */
  std::unique_ptr<double[]> outside_;
  /** [row of the group][hue][column] of each. */
  std::unique_ptr<std::unique_ptr<double[]>[]> groups_;
  std::unique_ptr<double[]> spare_;
  /** Groups below it are closed. */
  size_t closed_ = 0;
};

}  // namespace tailglow
