// A run of the kernel under AddressSanitizer and UndefinedBehaviorSanitizer (native/sanitize.sh): random and
// hostile input from a fixed seed, every array exactly as long as the contract asks, so that one byte beyond is
// seen. Ends with 0, or with the sanitizer's or its own word on what went wrong.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <tuple>
#include <vector>

#include "kernel.h"

namespace {

using tailglow::Cells;
using tailglow::CellsRoom;

uint64_t state = 0x9e3779b97f4a7c15u;

uint64_t next() {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545f4914f6cdd1du;
}

size_t below(size_t limit) { return (next() >> 20) % limit; }

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "kernel law broken: %s\n", what);
  std::exit(1);
}

struct Columns {
  std::vector<uint8_t> step;
  std::vector<uint16_t> key;
  std::vector<uint16_t> bucket;
  std::vector<double> count;

  explicit Columns(size_t length) : step(length), key(length), bucket(length), count(length) {}
  Cells cells() const { return {step.size(), step.data(), key.data(), bucket.data(), count.data()}; }
  CellsRoom room() { return {step.size(), step.data(), key.data(), bucket.data(), count.data()}; }
  void resize(size_t length) {
    step.resize(length);
    key.resize(length);
    bucket.resize(length);
    count.resize(length);
    step.shrink_to_fit();
    key.shrink_to_fit();
    bucket.shrink_to_fit();
    count.shrink_to_fit();
  }
  bool operator==(const Columns& other) const {
    return step == other.step && key == other.key && bucket == other.bucket && count == other.count;
  }
};

constexpr size_t kKeys = 5;
constexpr size_t kBuckets = 1568;

Columns randomCells() {
  Columns columns(below(400));
  const size_t keys = 1 + below(kKeys);
  const size_t buckets = below(2) != 0 ? 4 : kBuckets;
  for (size_t i = 0; i < columns.step.size(); i++) {
    columns.step[i] = static_cast<uint8_t>(below(below(2) != 0 ? 256 : 9));
    columns.key[i] = static_cast<uint16_t>(below(keys));
    columns.bucket[i] = static_cast<uint16_t>(below(buckets));
    columns.count[i] = static_cast<double>(1 + (next() >> (20 + below(44))));
  }
  return columns;
}

std::vector<uint8_t> encode(const Columns& columns) {
  tailglow::ColumnSizes sizes;
  require(tailglow::measureColumns(columns.cells(), &sizes), "sorted cells can be encoded");
  std::vector<uint8_t> bytes(tailglow::totalBytes(sizes));
  tailglow::writeColumns(columns.cells(), sizes, bytes.data());
  return bytes;
}

std::vector<uint8_t> encodeByClass(const Columns& columns) {
  tailglow::ClassBytes encoded;
  require(tailglow::encodeClasses(columns.cells(), &encoded) == tailglow::Encoded::kDone, "sorted cells have classes");
  return {encoded.bytes.get(), encoded.bytes.get() + encoded.length};
}

/** Rows of every kind, sorted: sparse and dense, small counts and large, few steps and many. */
Columns randomRows() {
  Columns columns(0);
  const size_t stepFirst = below(3) == 0 ? below(256) : 0;
  const size_t stepEnd = below(2) != 0 ? 256 : stepFirst + 1 + below(256 - stepFirst);
  for (uint16_t key = 0; key < kKeys; key++) {
    size_t bucket = below(kBuckets);
    for (size_t rows = below(6); rows > 0 && bucket < kBuckets; rows--) {
      const size_t every = 1 + below(below(2) != 0 ? 3 : 40);
      const size_t width = below(below(3) != 0 ? 5 : 50);
      const uint64_t base = below(2) != 0 ? 1 : 1 + below(30);
      for (size_t step = stepFirst; step < stepEnd; step++) {
        if (below(every) != 0) continue;
        columns.step.push_back(static_cast<uint8_t>(step));
        columns.key.push_back(key);
        columns.bucket.push_back(static_cast<uint16_t>(bucket));
        columns.count.push_back(static_cast<double>(base + (next() >> 12) % (uint64_t{1} << width)));
      }
      bucket += below(4) != 0 ? 1 : 1 + below(100);
    }
  }
  columns.resize(columns.step.size());
  return columns;
}

/** Room for as many cells as are announced, which native.ts gives, or for fewer. */
void decodeHostileClasses(std::vector<uint8_t> bytes) {
  bytes.shrink_to_fit();
  Columns read(below(4) == 0 ? below(300) : 5000);
  const ptrdiff_t cells = tailglow::decodeClasses(bytes.data(), bytes.size(), kKeys, kBuckets, read.room());
  if (cells < 0) return;
  read.resize(static_cast<size_t>(cells));
  require(encodeByClass(read) == bytes, "what decodes encodes to the same bytes");
}

void classes() {
  const Columns sorted = randomRows();
  const auto length = static_cast<ptrdiff_t>(sorted.step.size());
  std::vector<uint8_t> bytes = encodeByClass(sorted);
  bytes.shrink_to_fit();
  Columns read(sorted.step.size());
  require(tailglow::decodeClasses(bytes.data(), bytes.size(), kKeys, kBuckets, read.room()) == length, "decodes");
  require(read == sorted, "round trip by class");
  if (length > 0) {
    Columns tight(sorted.step.size() - 1);
    require(tailglow::decodeClasses(bytes.data(), bytes.size(), kKeys, kBuckets, tight.room()) == -1, "no room");
  }
  for (int round = 0; round < 8; round++) {
    std::vector<uint8_t> hostile = bytes;
    const size_t reach = below(2) != 0 ? hostile.size() : (hostile.size() < 200 ? hostile.size() : 200);
    for (size_t edits = 1 + below(3); edits > 0; edits--) {
      hostile[below(reach)] ^= static_cast<uint8_t>(below(2) != 0 ? 1u << below(8) : next());
    }
    if (below(3) == 0) hostile.resize(below(hostile.size() + 1));
    decodeHostileClasses(hostile);
  }
}

/** Room for as many cells as two bytes each allow, as native.ts gives it. */
void decodeHostile(std::vector<uint8_t> bytes) {
  bytes.shrink_to_fit();
  Columns read(bytes.size() / 2);
  const ptrdiff_t cells = tailglow::decodeColumns(bytes.data(), bytes.size(), kKeys, kBuckets, read.room());
  if (cells < 0) return;
  read.resize(static_cast<size_t>(cells));
  require(encode(read) == bytes, "what decodes encodes to the same bytes");
}

Columns sortedOf(const Columns& original) {
  Columns sorted = original;
  std::map<std::tuple<int, int, int>, double> sums;
  for (size_t i = 0; i < original.step.size(); i++) {
    double& sum = sums[{original.key[i], original.bucket[i], original.step[i]}];
    sum = std::min(sum + original.count[i], 9007199254740991.0);
  }
  const ptrdiff_t length = tailglow::sortMerge(sorted.room());
  require(length == static_cast<ptrdiff_t>(sums.size()), "each place once");
  sorted.resize(static_cast<size_t>(length));
  size_t at = 0;
  for (const auto& [place, sum] : sums) {
    require(place == std::make_tuple(int{sorted.key[at]}, int{sorted.bucket[at]}, int{sorted.step[at]}), "order");
    require(sum == sorted.count[at++], "sum");
  }
  return sorted;
}

/** The cells of both, one after the other. */
Columns appended(Columns columns, const Columns& more) {
  columns.step.insert(columns.step.end(), more.step.begin(), more.step.end());
  columns.key.insert(columns.key.end(), more.key.begin(), more.key.end());
  columns.bucket.insert(columns.bucket.end(), more.bucket.begin(), more.bucket.end());
  columns.count.insert(columns.count.end(), more.count.begin(), more.count.end());
  columns.resize(columns.step.size());
  return columns;
}

void columnsAndSorting() {
  const Columns sorted = sortedOf(appended(sortedOf(randomCells()), randomCells()));
  const auto length = static_cast<ptrdiff_t>(sorted.step.size());
  std::vector<uint8_t> bytes = encode(sorted);
  Columns read(sorted.step.size());
  require(tailglow::decodeColumns(bytes.data(), bytes.size(), kKeys, kBuckets, read.room()) == length, "decodes");
  require(read == sorted, "round trip");
  if (length > 0) {
    Columns tight(sorted.step.size() - 1);
    require(tailglow::decodeColumns(bytes.data(), bytes.size(), kKeys, kBuckets, tight.room()) == -1, "no room");
  }
  for (int round = 0; round < 8; round++) {
    std::vector<uint8_t> hostile = bytes;
    for (size_t edits = 1 + below(3); edits > 0; edits--) hostile[below(hostile.size())] = static_cast<uint8_t>(next());
    if (below(3) == 0) hostile.resize(below(hostile.size() + 1));
    decodeHostile(hostile);
  }
  std::vector<uint8_t> random(below(64));
  for (uint8_t& byte : random) byte = static_cast<uint8_t>(below(2) != 0 ? below(4) : below(256));
  decodeHostile(random);
  decodeHostileClasses(random);
}

/** As sorting and merging the placed cells under their new keys and steps. */
void addedUp(const Columns& columns, const tailglow::Placement& placement) {
  Columns placed(0);
  for (size_t i = 0; i < columns.step.size(); i++) {
    const int32_t column = placement.columnOfStep[columns.step[i]];
    const int32_t hue = placement.hueOfKey[columns.key[i]];
    if (column < 0 || hue < 0) continue;
    placed.step.push_back(static_cast<uint8_t>(column));
    placed.key.push_back(static_cast<uint16_t>(hue));
    placed.bucket.push_back(columns.bucket[i]);
    placed.count.push_back(columns.count[i]);
  }
  placed.resize(placed.step.size());
  Columns into(columns.step.size());
  const ptrdiff_t written = tailglow::addUp(columns.cells(), placement, into.room());
  require(written >= 0, "memory");
  into.resize(static_cast<size_t>(written));
  require(into == sortedOf(placed), "adding up is sorting and merging");
}

void painted(const std::vector<uint8_t>& cells, size_t columns, size_t rows) {
  std::vector<int32_t> columnOfX(1 + below(20));
  for (int32_t& column : columnOfX) column = static_cast<int32_t>(below(columns));
  std::vector<int32_t> rowOfY(1 + below(20));
  for (int32_t& row : rowOfY) row = static_cast<int32_t>(below(below(2) != 0 ? 1 : rows));
  const size_t stride = columnOfX.size() + below(3);
  std::vector<uint8_t> pixels((rowOfY.size() - 1) * stride + columnOfX.size());
  std::vector<uint8_t> palette(tailglow::kPaletteMax);
  for (size_t i = 0; i < palette.size(); i++) palette[i] = static_cast<uint8_t>(255 - i);
  const tailglow::Stretch stretch{rows, columnOfX.size(), rowOfY.size(), columnOfX.data(), rowOfY.data()};
  tailglow::paint(cells.data(), stretch, palette.data(), pixels.data(), stride);
  const auto last = static_cast<size_t>(columnOfX.back()) * rows + static_cast<size_t>(rowOfY.back());
  std::vector<uint8_t> rowsOf(pixels.size() / stride * (stride + 1));
  tailglow::filterRows(pixels.data(), stride, pixels.size() / stride, rowsOf.data());
  require(pixels.back() == 255 - cells[last], "the last pixel is its cell's");
}

/** Lines in arrays that are as long as they need. */
struct LinesOf {
  size_t length;
  std::vector<uint16_t> key;
  std::vector<uint16_t> bucket;
  std::vector<uint16_t> count;

  tailglow::CountLines lines() const { return {length, key.data(), bucket.data(), count.data()}; }
};

/** None where a count is too large. */
LinesOf linesOf(const Columns& columns) {
  std::vector<double> few(columns.count);
  for (double& count : few) count = std::fmod(count, 100);
  tailglow::Cells cells = columns.cells();
  if (below(4) != 0) cells.count = few.data();
  LinesOf of{0, {}, {}, {}};
  for (size_t room = below(3);;) {
    of.key.resize(room);
    of.bucket.resize(room);
    of.count.resize(room * tailglow::kSteps);
    const ptrdiff_t found = tailglow::addLines(cells, 0, {room, of.key.data(), of.bucket.data(), of.count.data()});
    if (found < 0) return {0, {}, {}, {}};
    if (static_cast<size_t>(found) <= room) {
      of.length = static_cast<size_t>(found);
      return of;
    }
    room = static_cast<size_t>(found);
  }
}

void picture() {
  Columns columns = randomCells();
  // As reports come: many cells of one step.
  if (below(3) == 0) std::fill(columns.step.begin(), columns.step.end(), static_cast<uint8_t>(next() >> 8));
  const size_t hues = 1 + below(4);
  const size_t width = 1 + below(6);
  const size_t buckets = 1 + below(50);
  const size_t rows = 1 + below(30);
  std::vector<int32_t> columnOfStep(tailglow::kSteps);
  for (int32_t& column : columnOfStep) column = static_cast<int32_t>(below(width + 1)) - 1;
  std::vector<int32_t> hueOfKey(kKeys);
  for (int32_t& hue : hueOfKey) hue = static_cast<int32_t>(below(hues + 1)) - 1;
  std::vector<double> counts(hues * width * buckets);
  std::vector<double> under(hues * width);
  std::vector<double> over(hues * width);
  const tailglow::Placement placement{columnOfStep.data(), hueOfKey.data(), hueOfKey.size()};
  const tailglow::Raster raster{hues, width, below(kBuckets), buckets, counts.data(), under.data(), over.data()};
  uint16_t low;
  uint16_t high;
  require(!tailglow::bucketRange(columns.cells(), placement, &low, &high) || low <= high, "range");
  tailglow::accumulate(columns.cells(), placement, raster);
  addedUp(columns, placement);

  std::vector<int32_t> start(buckets + 1);
  std::vector<int32_t> row;
  std::vector<double> weight;
  for (size_t b = 0; b < buckets; b++) {
    for (size_t parts = below(4); parts > 0; parts--) {
      row.push_back(static_cast<int32_t>(below(rows)));
      weight.push_back(0.25);
    }
    start[b + 1] = static_cast<int32_t>(row.size());
  }
  row.shrink_to_fit();
  weight.shrink_to_fit();
  std::vector<double> outside(buckets, 0.125);
  std::vector<double> cells(hues * width * rows);
  std::vector<double> sums(width * rows);
  std::vector<uint8_t> strongest(sums.size());
  std::vector<double> drawnUnder(width);
  std::vector<double> drawnOver(width);
  const std::vector<double> factors(width, 0.5);
  const tailglow::RowSpread spread{rows, start.data(), row.data(), weight.data(), outside.data(), outside.data()};
  const tailglow::Window window{hues, width, raster.bucketFirst, buckets, below(2) == 0 ? nullptr : factors.data()};
  const Columns sorted = sortedOf(columns);
  const LinesOf lines = linesOf(columns);
  const tailglow::Placed blocks[] = {
      {columns.cells(), {}, placement}, {sorted.cells(), {}, placement}, {{}, lines.lines(), placement}};
  const tailglow::Drawn drawn{sums.data(), strongest.data(), below(2) == 0 ? nullptr : cells.data(), drawnUnder.data(),
                              drawnOver.data()};
  const tailglow::Rasterized outcome = tailglow::rasterize(blocks, below(4), window, spread, drawn);
  require(outcome == tailglow::Rasterized::kDone, "cells are drawn");

  const size_t levels = 1 + below(63);
  std::vector<double> thresholds(levels - 1);
  // Round ones go another way than others.
  const double step = below(2) == 0 ? 1.5 : 1.1;
  for (size_t t = 0; t < thresholds.size(); t++) thresholds[t] = static_cast<double>(t + 1) * step;
  std::vector<uint8_t> shaded(sums.size());
  std::vector<uint8_t> occupied(tailglow::kHalfOctaves);
  if (drawn.cells != nullptr) {
    std::vector<double> ownSums(sums.size());
    std::vector<uint8_t> ownStrongest(sums.size());
    tailglow::mix(cells.data(), hues, sums.size(), ownSums.data(), ownStrongest.data());
    require(ownSums == sums && ownStrongest == strongest, "what is seen of the cells is their mix");
  }
  tailglow::halfOctaves(sums.data(), sums.size(), occupied.data());
  std::vector<double> ofRows(rows);
  tailglow::rowSums(sums.data(), width, rows, ofRows.data());
  tailglow::shade(sums.data(), strongest.data(), sums.size(), levels, thresholds.data(), shaded.data());
  for (const uint8_t index : shaded) require(index <= hues * levels, "an index is within the palette");
  painted(shaded, width, rows);
}

void checksumAndIndices() {
  std::vector<uint8_t> bytes(below(70));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(next());
  const size_t skip = below(bytes.size() + 1);
  const auto seed = static_cast<uint32_t>(next());
  require(tailglow::crc32c(bytes.data() + skip, bytes.size() - skip, seed) ==
              tailglow::crc32cPortable(bytes.data() + skip, bytes.size() - skip, seed),
          "both ways to a checksum agree");
  std::vector<double> values(below(40));
  for (double& value : values) {
    const uint64_t bits = next();
    std::memcpy(&value, &bits, 8);
  }
  std::vector<uint16_t> indices(values.size());
  tailglow::bucketIndices(values.data(), values.size(), indices.data());
  for (const uint16_t index : indices) require(index < kBuckets, "an index is within the grid");
}

/** Bytes of many kinds, one after the other; the output is as long as the bound, and its ends are zlib's. */
void compression() {
  std::vector<uint8_t> bytes;
  for (size_t pieces = below(6); pieces > 0; pieces--) {
    const size_t kind = below(5);
    const size_t row = 1 + below(700);
    const auto own = static_cast<uint8_t>(next());
    for (size_t left = below(below(8) == 0 ? 9000 : 300); left > 0; left--) {
      const uint64_t random = next() >> 8;
      const bool above = kind == 3 && bytes.size() >= row && random % 64 != 0;
      bytes.push_back(kind == 0   ? static_cast<uint8_t>(random)
                      : kind == 1 ? own
                      : kind == 2 ? static_cast<uint8_t>(own + random % 4)
                      : above     ? bytes[bytes.size() - row]
                                  : static_cast<uint8_t>(own + __builtin_clzll(random | 1)));
    }
  }
  bytes.shrink_to_fit();
  std::vector<uint8_t> out(tailglow::deflateBound(bytes.size()));
  const size_t length = tailglow::deflate(bytes.data(), bytes.size(), below(800), out.data());
  require(length >= 8 && length <= out.size(), "what is compressed is within its bound");
  require(out[0] == 0x78 && out[1] == 0x01, "a zlib stream begins as such");
}

}  // namespace

int main() {
  require(tailglow::crc32c(reinterpret_cast<const uint8_t*>("123456789"), 9, 0) == 0xe3069283u, "crc32c");
  for (int round = 0; round < 2000; round++) {
    columnsAndSorting();
    classes();
    picture();
    checksumAndIndices();
    compression();
  }
  std::puts("kernel: 2000 rounds under the sanitizers");
}
