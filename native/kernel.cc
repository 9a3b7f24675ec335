// Laws and layouts: src/kernel/kernel.ts and src/kernel/columns.ts.
#include "kernel.h"

#include <cstring>

#include "varint.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the add-on reads words least byte first; use the reference kernel on this CPU"
#endif

namespace tailglow {

namespace {

// ---- CRC-32C ----

struct CrcTables {
  uint32_t at[8][256];
};

constexpr CrcTables makeCrcTables() {
  CrcTables tables{};
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t c = n;
    for (int k = 0; k < 8; k++) c = (c & 1) != 0 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
    tables.at[0][n] = c;
  }
  for (uint32_t n = 0; n < 256; n++) {
    for (int t = 1; t < 8; t++) {
      const uint32_t before = tables.at[t - 1][n];
      tables.at[t][n] = tables.at[0][before & 0xff] ^ (before >> 8);
    }
  }
  return tables;
}

constexpr CrcTables kCrc = makeCrcTables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t crc32cHardware(const uint8_t* bytes, size_t length, uint32_t seed) {
  uint64_t c = ~seed;
  for (; length >= 8; bytes += 8, length -= 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    c = _mm_crc32_u64(c, word);
  }
  uint32_t rest = static_cast<uint32_t>(c);
  for (; length > 0; bytes++, length--) rest = _mm_crc32_u8(rest, *bytes);
  return ~rest;
}
#endif

// ---- encoding: one walk, once to measure and once to write ----

enum Column { kKeyGaps, kBuckets, kBucketGaps, kStepCounts, kStepGaps, kCounts };

struct Measure {
  size_t bytes[kColumns];
  inline void put(Column column, uint64_t value) { bytes[column] += varintBytes(value); }
};

struct Write {
  uint8_t* at[kColumns];
  inline void put(Column column, uint64_t value) { at[column] = putVarint(at[column], value); }
};

template <class Sink>
bool walkColumns(const Cells& cells, Sink& sink) {
  int32_t previousKey = -1;
  for (size_t i = 0; i < cells.length;) {
    const int32_t key = cells.key[i];
    if (key <= previousKey) return false;
    sink.put(kKeyGaps, static_cast<uint64_t>(key - previousKey - 1));
    uint64_t buckets = 0;
    int32_t previousBucket = -1;
    while (i < cells.length && cells.key[i] == key) {
      const int32_t bucket = cells.bucket[i];
      if (bucket <= previousBucket) return false;
      sink.put(kBucketGaps, static_cast<uint64_t>(bucket - previousBucket - 1));
      const size_t first = i;
      int32_t previousStep = -1;
      for (; i < cells.length && cells.key[i] == key && cells.bucket[i] == bucket; i++) {
        const int32_t step = cells.step[i];
        uint64_t less1;
        if (step <= previousStep || !countLess1(cells.count[i], &less1)) return false;
        sink.put(kStepGaps, static_cast<uint64_t>(step - previousStep - 1));
        sink.put(kCounts, less1);
        previousStep = step;
      }
      sink.put(kStepCounts, i - first - 1);
      previousBucket = bucket;
      buckets++;
    }
    sink.put(kBuckets, buckets - 1);
    previousKey = key;
  }
  return true;
}

}  // namespace

uint32_t crc32cPortable(const uint8_t* bytes, size_t length, uint32_t seed) {
  uint32_t c = ~seed;
  for (; length >= 8; bytes += 8, length -= 8) {
    uint32_t low;
    uint32_t high;
    std::memcpy(&low, bytes, 4);
    std::memcpy(&high, bytes + 4, 4);
    low ^= c;
    c = kCrc.at[7][low & 0xff] ^ kCrc.at[6][(low >> 8) & 0xff] ^ kCrc.at[5][(low >> 16) & 0xff] ^
        kCrc.at[4][low >> 24] ^ kCrc.at[3][high & 0xff] ^ kCrc.at[2][(high >> 8) & 0xff] ^
        kCrc.at[1][(high >> 16) & 0xff] ^ kCrc.at[0][high >> 24];
  }
  for (; length > 0; bytes++, length--) c = kCrc.at[0][(c ^ *bytes) & 0xff] ^ (c >> 8);
  return ~c;
}

uint32_t crc32c(const uint8_t* bytes, size_t length, uint32_t seed) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return crc32cHardware(bytes, length, seed);
#endif
  return crc32cPortable(bytes, length, seed);
}

void bucketIndices(const double* values, size_t length, uint16_t* out) {
  for (size_t i = 0; i < length; i++) {
    double value = values[i];
    if (!(value > 0)) value = 0;
    if (value > static_cast<double>(kSafeMax)) value = static_cast<double>(kSafeMax);
    uint64_t bits;
    std::memcpy(&bits, &value, 8);
    out[i] = value < 32 ? static_cast<uint16_t>(value) : static_cast<uint16_t>((bits >> 47) - 32864);
  }
}

bool measureColumns(const Cells& cells, ColumnSizes* sizes) {
  Measure measure{};
  if (!walkColumns(cells, measure)) return false;
  sizes->cells = cells.length;
  std::memcpy(sizes->bytes, measure.bytes, sizeof measure.bytes);
  return true;
}

size_t totalBytes(const ColumnSizes& sizes) {
  size_t total = varintBytes(sizes.cells);
  for (const size_t bytes : sizes.bytes) total += varintBytes(bytes) + bytes;
  return total;
}

void writeColumns(const Cells& cells, const ColumnSizes& sizes, uint8_t* out) {
  out = putVarint(out, sizes.cells);
  for (const size_t bytes : sizes.bytes) out = putVarint(out, bytes);
  Write write;
  for (int column = 0; column < kColumns; column++) {
    write.at[column] = out;
    out += sizes.bytes[column];
  }
  walkColumns(cells, write);
}

ptrdiff_t decodeColumns(const uint8_t* bytes, size_t length, uint32_t keyLimit, uint32_t bucketLimit, CellsRoom room) {
  Cursor header{bytes, bytes + length, false};
  const uint64_t cells = header.varint();
  uint64_t lengths[kColumns];
  for (uint64_t& columnBytes : lengths) columnBytes = header.varint();
  if (header.fault || cells > room.length) return -1;
  Cursor column[kColumns];
  const uint8_t* at = header.at;
  for (int c = 0; c < kColumns; c++) {
    if (lengths[c] > static_cast<uint64_t>(header.end - at)) return -1;
    column[c] = Cursor{at, at + lengths[c], false};
    at += lengths[c];
  }
  if (at != header.end) return -1;

  Cursor stepGaps = column[kStepGaps];
  Cursor counts = column[kCounts];
  size_t i = 0;
  uint64_t key = 0;
  for (; column[kKeyGaps].at < column[kKeyGaps].end; key++) {
    key += column[kKeyGaps].varint();
    if (column[kKeyGaps].fault || key >= keyLimit) return -1;
    uint64_t bucket = 0;
    uint64_t left = column[kBuckets].varint() + 1;
    if (column[kBuckets].fault) return -1;
    for (; left > 0; left--, bucket++) {
      bucket += column[kBucketGaps].varint();
      const uint64_t steps = column[kStepCounts].varint() + 1;
      if (column[kBucketGaps].fault || column[kStepCounts].fault) return -1;
      if (bucket >= bucketLimit || steps > cells - i) return -1;
      uint64_t step = 0;
      for (const size_t end = i + steps; i < end; i++, step++) {
        step += stepGaps.varint();
        const uint64_t less1 = counts.varint();
        if (step >= kSteps || less1 >= kSafeMax) return -1;
        room.step[i] = static_cast<uint8_t>(step);
        room.key[i] = static_cast<uint16_t>(key);
        room.bucket[i] = static_cast<uint16_t>(bucket);
        room.count[i] = static_cast<double>(less1 + 1);
      }
      if (stepGaps.fault || counts.fault) return -1;
    }
  }
  column[kStepGaps] = stepGaps;
  column[kCounts] = counts;
  for (const Cursor& read : column) {
    if (read.at != read.end) return -1;
  }
  if (i != cells) return -1;
  return static_cast<ptrdiff_t>(i);
}

bool bucketRange(const Cells& cells, const Placement& placement, uint16_t* low, uint16_t* high) {
  bool any = false;
  uint16_t least = UINT16_MAX;
  uint16_t most = 0;
  for (size_t i = 0; i < cells.length; i++) {
    if (placement.columnOfStep[cells.step[i]] < 0 || placement.hueOfKey[cells.key[i]] < 0) continue;
    any = true;
    if (cells.bucket[i] < least) least = cells.bucket[i];
    if (cells.bucket[i] > most) most = cells.bucket[i];
  }
  *low = least;
  *high = most;
  return any;
}

void accumulate(const Cells& cells, const Placement& placement, const Raster& raster) {
  if (raster.columns == 0) return;
  // Where a step goes, from the first column of a hue: in the counts, and in `under` and `over`.
  ptrdiff_t slotOfStep[kSteps];
  ptrdiff_t columnOfStep[kSteps];
  for (size_t step = 0; step < kSteps; step++) {
    columnOfStep[step] = placement.columnOfStep[step];
    slotOfStep[step] = columnOfStep[step] * static_cast<ptrdiff_t>(columnOfStep[step] < 0 ? 1 : raster.buckets);
  }
  // Cells of one key and bucket come in runs where they are sorted, and mostly also where they are not.
  for (size_t i = 0; i < cells.length;) {
    const uint16_t key = cells.key[i];
    const uint16_t bucket = cells.bucket[i];
    if (placement.hueOfKey[key] < 0) {
      i++;
      continue;
    }
    const size_t first = static_cast<size_t>(placement.hueOfKey[key]) * raster.columns;
    const bool within = bucket >= raster.bucketFirst && bucket - raster.bucketFirst < raster.buckets;
    double* const base = within ? raster.counts + first * raster.buckets + (bucket - raster.bucketFirst)
                                : (bucket < raster.bucketFirst ? raster.under : raster.over) + first;
    const ptrdiff_t* const offsetOfStep = within ? slotOfStep : columnOfStep;
    // A column's sum stays in a register while steps go to the same one.
    double* at = nullptr;
    double sum = 0;
    for (; i < cells.length && cells.key[i] == key && cells.bucket[i] == bucket; i++) {
      const ptrdiff_t offset = offsetOfStep[cells.step[i]];
      if (offset < 0) continue;
      double* const place = base + offset;
      if (place != at) {
        if (at != nullptr) *at = sum;
        at = place;
        sum = *place;
      }
      sum += cells.count[i];
    }
    if (at != nullptr) *at = sum;
  }
}

}  // namespace tailglow
