// The kernel in C++: the hot loops of src/kernel/kernel.ts, which src/kernel/reference.ts defines. Equal to it
// bit for bit: additions in the same order, no contraction of a * b + c.
// Owns: computing. Does not: know Node, allocate what it returns, keep state (workers share this code).
// Callers check sizes and indices where a function does not say that it does; arrays do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tailglow {

constexpr int kInterfaceVersion = 8;
constexpr size_t kSteps = 256;
constexpr int kColumns = 6;
constexpr size_t kPaletteMax = 256;
/** Longest a header of columns can be: seven varints. */
constexpr size_t kHeaderBytesMax = 7 * 8;

/** Read-only cells in columns. */
struct Cells {
  size_t length;
  const uint8_t* step;
  const uint16_t* key;
  const uint16_t* bucket;
  const double* count;
};

/** Cells to be written; `length` is the room. */
struct CellsRoom {
  size_t length;
  uint8_t* step;
  uint16_t* key;
  uint16_t* bucket;
  double* count;
};

/** columnOfStep has kSteps members, hueOfKey has `keys`, which every key of the cells is below. */
struct Placement {
  const int32_t* columnOfStep;
  const int32_t* hueOfKey;
  size_t keys;
};

struct Raster {
  size_t hues;
  size_t columns;
  size_t bucketFirst;
  size_t buckets;
  double* counts;
  double* under;
  double* over;
};

/** start has buckets + 1 ascending members within row and weight; rows are below `rows`. */
struct RowSpread {
  size_t rows;
  const int32_t* start;
  const int32_t* row;
  const double* weight;
  /** Per bucket. */
  const double* under;
  const double* over;
};

/** Counts of a block by key and bucket, [line][step]. */
struct CountLines {
  size_t length;
  const uint16_t* key;
  const uint16_t* bucket;
  const uint16_t* count;
};

/** Lines to be written; `length` is the room. */
struct CountLinesRoom {
  size_t length;
  uint16_t* key;
  uint16_t* bucket;
  uint16_t* count;
};

/** A block's cells, or its lines, and where they go. */
struct Placed {
  Cells cells;
  CountLines lines;
  Placement placement;
};

/** What of all cells is drawn: of `buckets` buckets from bucketFirst on, times the column's factor where there are any. */
struct Window {
  size_t hues;
  size_t columns;
  size_t bucketFirst;
  size_t buckets;
  const double* factors;
};

/** sums, strongest: [column][row]; cells: [hue][column][row], or null where they are not wanted; under, over: [column]. */
struct Drawn {
  double* sums;
  uint8_t* strongest;
  double* cells;
  double* under;
  double* over;
};

struct ColumnSizes {
  size_t cells;
  size_t bytes[kColumns];
};

constexpr ptrdiff_t kFault = -1;
constexpr ptrdiff_t kNoMemory = -2;

uint32_t crc32c(const uint8_t* bytes, size_t length, uint32_t seed);
/** The way of CPUs without an instruction for it; here so that it is tested everywhere. */
uint32_t crc32cPortable(const uint8_t* bytes, size_t length, uint32_t seed);

void bucketIndices(const double* values, size_t length, uint16_t* out);

/** Sorts and merges in place (sort.cc); the new length, or -1 where there is no memory for it. */
ptrdiff_t sortMerge(CellsRoom cells);

/** Adds the placed cells up into `room`, which is as long as the cells (add_up.cc): the number of cells written, or
 *  kNoMemory. Columns are below kSteps, hues below 65,536; every key of the cells is within hueOfKey. */
ptrdiff_t addUp(const Cells& cells, const Placement& placement, const CellsRoom& room);

/** Adds cells to the first `lines` of the room (count_lines.cc): how many there are then; more than the room has where
 *  nothing was written; kFault where a count is none or beyond 65,535: the lines are of no use then; or kNoMemory. */
ptrdiff_t addLines(const Cells& cells, size_t lines, const CountLinesRoom& room);

/** False for cells that cannot be encoded: not sorted and merged, or a count that is no positive safe integer. */
bool measureColumns(const Cells& cells, ColumnSizes* sizes);
size_t totalBytes(const ColumnSizes& sizes);
/** Writes totalBytes(sizes) bytes; `sizes` are those of the same cells. */
void writeColumns(const Cells& cells, const ColumnSizes& sizes, uint8_t* out);
/** The number of cells read into `room`, or -1 on bytes that writeColumns does not write (or for which there
 *  is no room). Checks everything. */
ptrdiff_t decodeColumns(const uint8_t* bytes, size_t length, uint32_t keyLimit, uint32_t bucketLimit, CellsRoom room);

/** Codec 2's bytes (class_encode.cc), until they are copied to where they go. */
struct ClassBytes {
  std::unique_ptr<uint8_t[]> bytes;
  size_t length = 0;
};
enum class Encoded { kDone, kRefused, kNoMemory };
/** Refuses what measureColumns refuses. */
Encoded encodeClasses(const Cells& cells, ClassBytes* out);
/** As decodeColumns, of what encodeClasses wrote: cells read, or kFault or kNoMemory. */
ptrdiff_t decodeClasses(const uint8_t* bytes, size_t length, uint32_t keyLimit, uint32_t bucketLimit, CellsRoom room);

/** Smallest and largest bucket of the placed cells; false where there are none. */
bool bucketRange(const Cells& cells, const Placement& placement, uint16_t* low, uint16_t* high);
void accumulate(const Cells& cells, const Placement& placement, const Raster& raster);
enum class Rasterized { kDone, kFault, kNoMemory };
/** Sets all of `out` (rasterize.cc); kFault where a key is not below its block's `keys`: `out` is as it was then. Blocks
 *  are below 2^31, their cells together below 2^32; at most 255 hues. */
Rasterized rasterize(const Placed* blocks, size_t length, const Window& window, const RowSpread& spread, const Drawn& out);
/** Of [hue][cell]: sums over hues, and 1 + the hue of the largest, or 0 (mix.cc); at most 255 hues. */
void mix(const double* values, size_t hues, size_t cells, double* sums, uint8_t* strongest);
/** Marks the half-octaves of the sums; `occupied` has kHalfOctaves members. */
constexpr size_t kHalfOctaves = 108;
void halfOctaves(const double* sums, size_t cells, uint8_t* occupied);
/** Of [column][row] the sum of each row, columns ascending; sets `out`. */
void rowSums(const double* sums, size_t columns, size_t rows, double* out);
/** levels - 1 thresholds, ascending; 1 + levels * the largest of `strongest` <= kPaletteMax. */
void shade(const double* sums, const uint8_t* strongest, size_t cells, size_t levels, const double* thresholds,
           uint8_t* out);

/** Which cell of [column][row] each pixel of a rectangle shows. */
struct Stretch {
  size_t rows;
  size_t width;
  size_t height;
  const int32_t* columnOfX;
  const int32_t* rowOfY;
};
/** pixels[y * stride + x] = palette[the cell's value]; `palette` has 256 members. */
void paint(const uint8_t* cells, const Stretch& stretch, const uint8_t* palette, uint8_t* pixels, size_t stride);

/** Rows behind their filters, as PNG has them: `out` has width + 1 members a row. */
void filterRows(const uint8_t* pixels, size_t width, size_t height, uint8_t* out);

/** Bytes that deflate() writes at most (deflate.cc). */
size_t deflateBound(size_t length);
/** A zlib stream of the bytes, at most 2^31 - 1 of them; how long it is. `out` has deflateBound(length) members. */
size_t deflate(const uint8_t* bytes, size_t length, size_t rowBytes, uint8_t* out);

}  // namespace tailglow
