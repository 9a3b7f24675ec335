// What the encoder and the decoder of class-rANS share: the model, bits and tables of src/kernel/class-model.ts,
// bits.ts and class-tables.ts, in the same names. Integers only; equal to them bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel.h"

namespace tailglow::classes {

// ---- the model: src/kernel/class-model.ts ----

constexpr uint32_t kSymbols = 128;
constexpr uint32_t kNoSymbol = kSymbols - 1;
constexpr int kDense = 16;
constexpr int kClasses = 39;
constexpr int kShifted = 35;

constexpr int kNext = 0;
constexpr int kFirst = 10;
constexpr int kResumed = 11;
constexpr int kKeyGap = 12;
constexpr int kBucketFirst = 13;
constexpr int kEmpty = 14;
constexpr int kShift = 15;
constexpr int kBase = 16;
constexpr int kGap = 20;
constexpr int kCount = 36;
constexpr int kLevel = 52;
constexpr int kTables = kLevel + kClasses - kDense;

/** In place of the class before. */
constexpr int kClassFirst = 0;
constexpr int kClassResumed = -1;

constexpr int kNumberBitsMax = 53;

inline int bitLength(uint64_t value) { return value == 0 ? 0 : 64 - __builtin_clzll(value); }

template <int kDirectBits, int kPartBits>
struct NumberScheme {
  static constexpr uint32_t kDirect = 1u << kDirectBits;
  static constexpr uint32_t kParts = 1u << kPartBits;

  static inline uint32_t symbolOf(uint64_t value) {
    if (value < kDirect) return static_cast<uint32_t>(value);
    const int top = bitLength(value) - 1;
    const auto part = static_cast<uint32_t>(value >> (top - kPartBits)) - kParts;
    return kDirect + (static_cast<uint32_t>(top - kDirectBits) << kPartBits) + part;
  }
  static inline int tailBits(uint32_t symbol) {
    return symbol < kDirect ? 0 : static_cast<int>((symbol - kDirect) >> kPartBits) + kDirectBits - kPartBits;
  }
  /** For a symbol whose tail is below kNumberBitsMax. */
  static inline uint64_t floorOf(uint32_t symbol) {
    if (symbol < kDirect) return symbol;
    return uint64_t{kParts + ((symbol - kDirect) & (kParts - 1))} << tailBits(symbol);
  }
};
using Fine = NumberScheme<6, 0>;
using Coarse = NumberScheme<4, 1>;

/** Of a difference that fits an int. */
inline uint64_t zigzag(int64_t value) {
  return value < 0 ? 2 * static_cast<uint64_t>(-value) - 1 : 2 * static_cast<uint64_t>(value);
}

inline int64_t unzigzag(uint64_t value) {
  const auto half = static_cast<int64_t>((value + 1) >> 1);
  return (value & 1) != 0 ? -half : half;
}

inline bool isSparse(size_t cells, size_t steps) { return cells * 8 < steps; }

inline int sparseClass(size_t cells) {
  if (cells < 8) return static_cast<int>(cells);
  const int top = bitLength(cells) - 1;
  return 8 + (top - 3) * 4 + static_cast<int>((cells >> (top - 2)) & 3);
}

inline int sparseTailBits(int rowClass) { return rowClass < 8 ? 0 : ((rowClass - 8) >> 2) + 1; }

inline size_t sparseFloor(int rowClass) {
  if (rowClass < 8) return static_cast<size_t>(rowClass);
  return static_cast<size_t>(4 + ((rowClass - 8) & 3)) << sparseTailBits(rowClass);
}

inline int baseContext(int rowClass) { return rowClass < 27 ? 0 : 1 + ((rowClass - 27) >> 2); }

struct DenseClass {
  int rowClass;
  int shift;
};

constexpr int kOutlierOctaves = 3;
constexpr int kClipBitsMax = 36;

inline DenseClass classOfMean(uint64_t mean16ths) {
  if (mean16ths == 0) return {kDense, 0};
  const int top = bitLength(mean16ths) - 1;
  if (top < 5) return {kDense + 1 + 2 * top + static_cast<int>(top == 0 ? 0 : (mean16ths >> (top - 1)) & 1), 0};
  const int quarter = static_cast<int>((mean16ths >> (top - 2)) & 3);
  if (top < 7) return {27 + 4 * (top - 5) + quarter, 0};
  return {kShifted + quarter, top - 7};
}

inline DenseClass denseClass(const uint64_t* residue, size_t steps) {
  uint64_t bits = 0;
  for (size_t t = 0; t < steps; t++) bits += static_cast<uint64_t>(bitLength(residue[t]));
  const uint64_t octaves = bits / steps + kOutlierOctaves;
  const uint64_t clip = uint64_t{1} << (octaves < kClipBitsMax ? octaves : kClipBitsMax);
  uint64_t sum = 0;
  for (size_t t = 0; t < steps; t++) sum += residue[t] < clip ? residue[t] : clip;
  return classOfMean(sum * 16 / steps);
}

/** The same of residues below 64, in vectors. */
inline DenseClass denseClassSmall(const uint8_t* residue, size_t steps) {
  uint32_t sum = 0;
  uint32_t bits = 0;
  for (size_t t = 0; t < steps; t++) {
    const uint8_t r = residue[t];
    sum += r;
    bits += static_cast<uint8_t>((r > 0) + (r > 1) + (r > 3) + (r > 7) + (r > 15) + (r > 31));
  }
  const uint32_t octaves = bits / static_cast<uint32_t>(steps) + kOutlierOctaves;
  if (octaves < 6) {
    const auto clip = static_cast<uint8_t>(1u << octaves);
    sum = 0;
    for (size_t t = 0; t < steps; t++) sum += residue[t] < clip ? residue[t] : clip;
  }
  return classOfMean(sum * 16 / steps);
}

inline DenseClass denseClassNarrow(const uint64_t* residue, size_t steps) {
  uint8_t small[kSteps];
  for (size_t t = 0; t < steps; t++) small[t] = static_cast<uint8_t>(residue[t]);
  return denseClassSmall(small, steps);
}

// ---- bits: src/kernel/bits.ts ----

/** Writes where there is room; who calls sees to that. */
struct BitWriter {
  uint8_t* at;
  uint64_t waiting = 0;
  int waitingBits = 0;

  /** Up to 53 bits. */
  inline void put(uint64_t value, int bits) {
    waiting |= value << waitingBits;
    for (waitingBits += bits; waitingBits >= 8; waitingBits -= 8) {
      *at++ = static_cast<uint8_t>(waiting);
      waiting >>= 8;
    }
  }
  void gamma(uint64_t value) {
    const int below = bitLength(value + 1) - 1;
    put((uint64_t{1} << below) - 1, below + 1);
    put(value + 1 - (uint64_t{1} << below), below);
  }
  void finish() {
    if (waitingBits > 0) *at++ = static_cast<uint8_t>(waiting);
    waiting = 0;
    waitingBits = 0;
  }
};

/** Bit after bit, each looked at: for the tables. A fault sticks. */
struct BitCursor {
  const uint8_t* at;
  const uint8_t* end;
  bool fault = false;
  uint32_t waiting = 0;
  int waitingBits = 0;

  uint32_t get(int bits) {
    uint32_t value = 0;
    for (int done = 0; done < bits; done++) {
      if (waitingBits == 0) {
        fault = fault || at >= end;
        if (fault) return 0;
        waiting = *at++;
        waitingBits = 8;
      }
      value |= (waiting & 1) << done;
      waiting >>= 1;
      waitingBits--;
    }
    return value;
  }
  uint32_t gamma() {
    int below = 0;
    while (get(1) == 1) {
      if (++below > 8) fault = true;
      if (fault) return 0;
    }
    return (1u << below) + get(below) - 1;
  }
  void endByte() {
    if (waiting != 0) fault = true;
    waitingBits = 0;
  }
};

// ---- tables: src/kernel/class-tables.ts ----

constexpr int kFrequencyBits = 11;
constexpr uint32_t kFrequencySum = 1u << kFrequencyBits;
constexpr uint32_t kFrequencyMax = kFrequencySum - 16;
/** A symbol takes up to 16 bits, and what stands before them up to 48. */
constexpr size_t kTableBytesMax = kTables * (kSymbols * 2 + 6) + 4;

using Counts = uint32_t[kTables][kSymbols];

inline void writeTable(BitWriter& out, const uint32_t* counts, uint64_t total, uint32_t first, uint32_t last) {
  const int precision = total < 1 << 9 ? 0 : total < 1 << 12 ? 1 : total < 1 << 15 ? 2 : 3;
  out.gamma(first);
  out.gamma(last - first);
  out.put(static_cast<uint64_t>(precision), 2);
  int lengthBefore = 0;
  for (uint32_t symbol = first; symbol <= last; symbol++) {
    const int length = bitLength(counts[symbol]);
    out.gamma(zigzag(length - lengthBefore));
    lengthBefore = length;
    if (length == 0) continue;
    const int kept = precision < length - 1 ? precision : length - 1;
    out.put((counts[symbol] >> (length - 1 - kept)) - (1u << kept), kept);
  }
}

/** Into room for kTableBytesMax; the bytes written. */
inline size_t writeTables(const Counts& counts, uint8_t* room) {
  uint64_t totals[kTables] = {};
  uint32_t used = 0;
  for (int table = 0; table < kTables; table++) {
    for (const uint32_t count : counts[table]) totals[table] += count;
    used += totals[table] > 0 ? 1 : 0;
  }
  BitWriter out{room};
  out.gamma(used);
  int before = -1;
  for (int table = 0; table < kTables; table++) {
    if (totals[table] == 0) continue;
    uint32_t first = 0;
    while (counts[table][first] == 0) first++;
    uint32_t last = kSymbols - 1;
    while (counts[table][last] == 0) last--;
    out.gamma(static_cast<uint64_t>(table - before - 1));
    writeTable(out, counts[table], totals[table], first, last);
    before = table;
  }
  out.finish();
  return static_cast<size_t>(out.at - room);
}

/** Of one table. */
struct Frequencies {
  uint16_t of[kSymbols];

  uint32_t largest() const {
    uint32_t found = 0;
    for (uint32_t symbol = 1; symbol < kSymbols; symbol++) found = of[symbol] > of[found] ? symbol : found;
    return found;
  }
};

inline void readTable(BitCursor& bits, Frequencies* out) {
  uint64_t weights[kSymbols] = {};
  const uint32_t first = bits.gamma();
  const uint32_t last = first + bits.gamma();
  const int precision = static_cast<int>(bits.get(2));
  if (bits.fault || last >= kNoSymbol) {
    bits.fault = true;
    return;
  }
  uint64_t total = 0;
  int64_t length = 0;
  for (uint32_t symbol = first; symbol <= last; symbol++) {
    length += unzigzag(bits.gamma());
    if (bits.fault || length < 0 || length > 32) {
      bits.fault = true;
      return;
    }
    if (length == 0) continue;
    const int kept = precision < length - 1 ? precision : static_cast<int>(length) - 1;
    const int open = static_cast<int>(length) - 1 - kept;
    weights[symbol] = (uint64_t{(1u << kept) + bits.get(kept)} << open) + (open > 0 ? uint64_t{1} << (open - 1) : 0);
    total += weights[symbol];
  }
  if (weights[first] == 0 || weights[last] == 0) {
    bits.fault = true;
    return;
  }
  uint32_t sum = 0;
  for (uint32_t symbol = 0; symbol < kSymbols; symbol++) {
    const uint64_t scaled = (weights[symbol] * kFrequencySum + total / 2) / total;
    out->of[symbol] = static_cast<uint16_t>(weights[symbol] == 0 ? 0 : scaled == 0 ? 1 : scaled);
    sum += out->of[symbol];
  }
  for (; sum > kFrequencySum; sum--) out->of[out->largest()]--;
  uint16_t& largest = out->of[out->largest()];
  const uint32_t filled = largest + kFrequencySum - sum;
  largest = static_cast<uint16_t>(filled < kFrequencyMax ? filled : kFrequencyMax);
}

/** The frequencies that a reader will make of the tables' bytes; `use(table, frequencies)` gets each. */
template <class Use>
void readTables(BitCursor& bits, Use use) {
  int table = -1;
  for (uint32_t left = bits.gamma(); left > 0 && !bits.fault; left--) {
    table += 1 + static_cast<int>(bits.gamma());
    if (table >= kTables) bits.fault = true;
    if (bits.fault) return;
    Frequencies frequencies;
    readTable(bits, &frequencies);
    if (!bits.fault) use(table, frequencies);
  }
  bits.endByte();
}

// ---- states and rows: src/kernel/rans.ts, classes.ts ----

constexpr uint32_t kStateMin = 1u << 15;
constexpr int kStates = 4;
/** Symbols of one row with what stands before and after it, rounded up, and the bytes of their open bits. */
constexpr size_t kRowSymbolsMax = kSteps + 64;
constexpr size_t kRowBitBytesMax = (kSteps + 64) * 14;

}  // namespace tailglow::classes
