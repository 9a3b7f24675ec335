// Class-rANS, codec 2 of the cells: src/kernel/classes.ts and the files beside it say what the bytes mean, in the
// same names; this file says how they are read and written quickly. Every read of hostile bytes stays in bounds:
// words and bits are read without a look at their end for the length of one row, out of memory that is padded
// for as much (PaddedPart), and what was read beyond the end is a fault when the row is done.
#include <cstdlib>
#include <cstring>
#include <new>

#include "kernel.h"
#include "varint.h"

namespace tailglow {

namespace {

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

DenseClass classOfMean(uint64_t mean16ths) {
  if (mean16ths == 0) return {kDense, 0};
  const int top = bitLength(mean16ths) - 1;
  if (top < 5) return {kDense + 1 + 2 * top + static_cast<int>(top == 0 ? 0 : (mean16ths >> (top - 1)) & 1), 0};
  const int quarter = static_cast<int>((mean16ths >> (top - 2)) & 3);
  if (top < 7) return {27 + 4 * (top - 5) + quarter, 0};
  return {kShifted + quarter, top - 7};
}

DenseClass denseClass(const uint64_t* residue, size_t steps) {
  uint64_t bits = 0;
  for (size_t t = 0; t < steps; t++) bits += static_cast<uint64_t>(bitLength(residue[t]));
  const uint64_t octaves = bits / steps + kOutlierOctaves;
  const uint64_t clip = uint64_t{1} << (octaves < kClipBitsMax ? octaves : kClipBitsMax);
  uint64_t sum = 0;
  for (size_t t = 0; t < steps; t++) sum += residue[t] < clip ? residue[t] : clip;
  return classOfMean(sum * 16 / steps);
}

/** The same of residues below 64, in vectors. */
DenseClass denseClassSmall(const uint8_t* residue, size_t steps) {
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

void writeTable(BitWriter& out, const uint32_t* counts, uint64_t total, uint32_t first, uint32_t last) {
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
size_t writeTables(const Counts& counts, uint8_t* room) {
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

void readTable(BitCursor& bits, Frequencies* out) {
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

// ---- encoding ----

constexpr uint32_t kStateMin = 1u << 15;
constexpr int kStates = 4;
/** Symbols of one row with what stands before and after it, rounded up, and the bytes of their open bits. */
constexpr size_t kRowSymbolsMax = kSteps + 64;
constexpr size_t kRowBitBytesMax = (kSteps + 64) * 14;

/** Memory that grows before each row, by as much as a row can need. */
template <class T>
class Growing {
 public:
  ~Growing() { std::free(data_); }
  /** Where to write on, with room for `more`; null where there is no memory. */
  T* room(size_t length, size_t more) {
    if (length + more > capacity_) {
      const size_t capacity = 2 * capacity_ > length + more ? 2 * capacity_ : length + more;
      T* const grown = static_cast<T*>(std::realloc(data_, capacity * sizeof(T)));
      if (grown == nullptr) return nullptr;
      data_ = grown;
      capacity_ = capacity;
    }
    return data_ + length;
  }
  T* data() { return data_; }

 private:
  T* data_ = nullptr;
  size_t capacity_ = 0;
};

struct Sink {
  Counts counts = {};
  uint16_t* symbol = nullptr;
  BitWriter bits{nullptr};

  inline void put(int table, uint32_t value) {
    counts[table][value]++;
    *symbol++ = static_cast<uint16_t>(static_cast<uint32_t>(table) * kSymbols + value);
  }
  template <class Scheme>
  inline void number(int table, uint64_t value) {
    const uint32_t found = Scheme::symbolOf(value);
    put(table, found);
    if (found >= Scheme::kDirect) bits.put(value - Scheme::floorOf(found), Scheme::tailBits(found));
  }
  void empty(int classBefore, uint64_t rows) {
    put(kNext + (classBefore >> 2), 0);
    number<Coarse>(kEmpty, rows);
  }
  void rowClass(int classBefore, int value) {
    if (classBefore > 0) {
      put(kNext + (classBefore >> 2), static_cast<uint32_t>(1 + zigzag(value - classBefore)));
    } else {
      put(classBefore == kClassFirst ? kFirst : kResumed, static_cast<uint32_t>(value));
    }
  }
};

struct Row {
  const uint8_t* step;
  const double* count;
  size_t cells;
  size_t stepFirst;
  size_t steps;
};

int putSparse(Sink& sink, const Row& row, int classBefore) {
  const int rowClass = sparseClass(row.cells);
  sink.rowClass(classBefore, rowClass);
  sink.bits.put(row.cells - sparseFloor(rowClass), sparseTailBits(rowClass));
  size_t stepNext = row.stepFirst;
  for (size_t i = 0; i < row.cells; i++) {
    sink.number<Coarse>(kGap + rowClass, row.step[i] - stepNext);
    sink.number<Coarse>(kCount + rowClass, static_cast<uint64_t>(row.count[i]) - 1);
    stepNext = size_t{row.step[i]} + 1;
  }
  return rowClass;
}

int putDense(Sink& sink, const Row& row, int classBefore) {
  uint64_t residue[kSteps] = {};
  uint64_t base = row.cells < row.steps ? 0 : kSafeMax;
  for (size_t i = 0; i < row.cells; i++) {
    const auto count = static_cast<uint64_t>(row.count[i]);
    residue[row.step[i] - row.stepFirst] = count;
    base = count < base ? count : base;
  }
  for (size_t t = 0; base > 0 && t < row.steps; t++) residue[t] -= base;
  const auto [rowClass, shift] = denseClass(residue, row.steps);
  sink.rowClass(classBefore, rowClass);
  sink.number<Coarse>(kBase + baseContext(rowClass), base);
  if (rowClass >= kShifted) sink.number<Coarse>(kShift, static_cast<uint64_t>(shift));
  const int table = kLevel + rowClass - kDense;
  for (size_t t = 0; t < row.steps; t++) {
    const uint64_t level = residue[t] >> shift;
    sink.number<Fine>(table, level);
    sink.bits.put(residue[t] - (level << shift), shift);
  }
  return rowClass;
}

/** Steps of all cells, once they are seen to be sorted, merged and counted; false where they are not. */
bool checkedSteps(const Cells& cells, size_t* stepFirst, size_t* stepLast) {
  uint8_t first = UINT8_MAX;
  uint8_t last = 0;
  uint64_t before = 0;
  for (size_t i = 0; i < cells.length; i++) {
    const uint64_t place = uint64_t{cells.key[i]} << 24 | uint64_t{cells.bucket[i]} << 8 | cells.step[i];
    uint64_t less1;
    if ((i > 0 && place <= before) || !countLess1(cells.count[i], &less1)) return false;
    before = place;
    first = cells.step[i] < first ? cells.step[i] : first;
    last = cells.step[i] > last ? cells.step[i] : last;
  }
  *stepFirst = first;
  *stepLast = last;
  return true;
}

/** What one walk over the cells leaves. */
struct Plan {
  Sink sink;
  Growing<uint16_t> symbols;
  Growing<uint8_t> bits;
  size_t symbolsLength = 0;
  size_t bitsLength = 0;

  bool openRow() {
    sink.symbol = symbols.room(symbolsLength, kRowSymbolsMax);
    sink.bits.at = bits.room(bitsLength, kRowBitBytesMax);
    return sink.symbol != nullptr && sink.bits.at != nullptr;
  }
  void closeRow() {
    symbolsLength = static_cast<size_t>(sink.symbol - symbols.data());
    bitsLength = static_cast<size_t>(sink.bits.at - bits.data());
  }
};

bool putKeys(const Cells& cells, size_t stepFirst, size_t steps, Plan& plan) {
  Sink& sink = plan.sink;
  int64_t keyBefore = -1;
  int64_t bucketFirst = 0;
  for (size_t i = 0; i < cells.length;) {
    const uint16_t key = cells.key[i];
    int64_t bucketNext = cells.bucket[i];
    int classBefore = kClassFirst;
    for (bool opens = true; i < cells.length && cells.key[i] == key; opens = false) {
      if (!plan.openRow()) return false;
      const uint16_t bucket = cells.bucket[i];
      if (opens) {
        sink.number<Coarse>(kKeyGap, static_cast<uint64_t>(key - keyBefore - 1));
        sink.number<Coarse>(kBucketFirst, zigzag(bucket - bucketFirst));
        bucketFirst = bucket;
      }
      const size_t from = i;
      while (i < cells.length && cells.key[i] == key && cells.bucket[i] == bucket) i++;
      if (bucket > bucketNext) {
        sink.empty(classBefore, static_cast<uint64_t>(bucket - bucketNext));
        classBefore = kClassResumed;
      }
      bucketNext = int64_t{bucket} + 1;
      const Row row{cells.step + from, cells.count + from, i - from, stepFirst, steps};
      classBefore = isSparse(row.cells, steps) ? putSparse(sink, row, classBefore) : putDense(sink, row, classBefore);
      if (i == cells.length || cells.key[i] != key) sink.empty(classBefore, 0);
      plan.closeRow();
    }
    keyBefore = key;
  }
  // Room for the last byte is there: a row's bits never fill what is kept for them.
  sink.bits.finish();
  plan.bitsLength = static_cast<size_t>(sink.bits.at - plan.bits.data());
  return true;
}

/** A symbol's frequency, and above its start. */
using Spans = uint32_t[kTables * kSymbols];

/** Words from the end of `words` downwards; how many. */
size_t writeWords(const Plan& plan, const uint16_t* symbols, const Spans& spans, uint32_t* states, uint16_t* words) {
  uint16_t* at = words + plan.symbolsLength;
  for (size_t i = plan.symbolsLength; i-- > 0;) {
    const uint32_t span = spans[symbols[i]];
    const uint32_t frequency = span & 0xffff;
    uint32_t state = states[i % kStates];
    if (state >= frequency << (31 - kFrequencyBits)) {
      *--at = static_cast<uint16_t>(state);
      state >>= 16;
    }
    const uint32_t quotient = state / frequency;
    states[i % kStates] = (quotient << kFrequencyBits) + (span >> 16) + (state - quotient * frequency);
  }
  return static_cast<size_t>(words + plan.symbolsLength - at);
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

}  // namespace

Encoded encodeClasses(const Cells& cells, ClassBytes* out) {
  size_t stepFirst = 0;
  size_t stepLast = 0;
  if (!checkedSteps(cells, &stepFirst, &stepLast)) return Encoded::kRefused;
  const std::unique_ptr<Plan> plan(new (std::nothrow) Plan);
  if (!plan || !putKeys(cells, stepFirst, stepLast - stepFirst + 1, *plan)) return Encoded::kNoMemory;
  uint8_t tables[kTableBytesMax];
  const size_t tableBytes = cells.length == 0 ? 0 : writeTables(plan->sink.counts, tables);
  Spans spans = {};
  BitCursor bits{tables, tables + tableBytes};
  readTables(bits, [&spans](int table, const Frequencies& frequencies) {
    uint32_t start = 0;
    for (uint32_t symbol = 0; symbol < kSymbols; symbol++) {
      spans[static_cast<uint32_t>(table) * kSymbols + symbol] = frequencies.of[symbol] | start << 16;
      start += frequencies.of[symbol];
    }
  });
  const std::unique_ptr<uint16_t[]> words(new (std::nothrow) uint16_t[plan->symbolsLength + 1]);
  if (!words) return Encoded::kNoMemory;
  uint32_t states[kStates] = {kStateMin, kStateMin, kStateMin, kStateMin};
  const size_t wordCount = writeWords(*plan, plan->symbols.data(), spans, states, words.get());
  out->bytes.reset(new (std::nothrow) uint8_t[64 + tableBytes + wordCount * 2 + plan->bitsLength]);
  if (!out->bytes) return Encoded::kNoMemory;
  uint8_t* at = putVarint(out->bytes.get(), cells.length);
  if (cells.length > 0) {
    *at++ = static_cast<uint8_t>(stepFirst);
    *at++ = static_cast<uint8_t>(stepLast);
    std::memcpy(at, tables, tableBytes);
    at = putVarint(at + tableBytes, wordCount);
    for (const uint32_t state : states) at = putVarint(at, state - kStateMin);
    std::memcpy(at, words.get() + plan->symbolsLength - wordCount, wordCount * 2);
    at += wordCount * 2;
    std::memcpy(at, plan->bits.data(), plan->bitsLength);
    at += plan->bitsLength;
  }
  out->length = static_cast<size_t>(at - out->bytes.get());
  return Encoded::kDone;
}

namespace {

// ---- decoding ----

/** Bytes that may be read kPadding beyond their end, from any place up to it: as they lie until the end is near,
 *  then out of a copy with zeros after it. */
template <size_t kPadding>
struct PaddedPart {
  const uint8_t* at;
  const uint8_t* end;
  bool copied = false;
  uint8_t copy[2 * kPadding];

  PaddedPart(const uint8_t* from, const uint8_t* until) : at(from), end(until) {}
  PaddedPart(const PaddedPart&) = delete;
  PaddedPart& operator=(const PaddedPart&) = delete;

  /** Before as much is read as kPadding. */
  inline void open() {
    if (copied || static_cast<size_t>(end - at) >= kPadding) return;
    const auto rest = static_cast<size_t>(end - at);
    if (rest > 0) std::memcpy(copy, at, rest);
    std::memset(copy + rest, 0, sizeof copy - rest);
    at = copy;
    end = copy + rest;
    copied = true;
  }
};

using Words = PaddedPart<kRowSymbolsMax * 2>;
/** A number is read as 8 bytes. */
using Bits = PaddedPart<kRowBitBytesMax + 8>;

/** What a slot says: symbol, frequency << 8, slot - start of the symbol << 20. */
using Slots = uint32_t[kFrequencySum];
constexpr uint32_t kNoSlot = kNoSymbol;

/** The four states, the next first. */
struct States {
  uint32_t a;
  uint32_t b;
  uint32_t c;
  uint32_t d;
};

inline uint32_t advance(uint32_t slot, uint32_t state, const uint8_t*& at) {
  uint16_t word;
  std::memcpy(&word, at, 2);
  const uint32_t next = ((slot >> 8) & 0xfff) * (state >> kFrequencyBits) + (slot >> 20);
  const bool takes = next < kStateMin;
  at += takes ? 2 : 0;
  return takes ? next << 16 | word : next;
}

struct Source {
  Words words;
  Bits bits;
  States states{};
  /** The bit of bits.at that is next. */
  uint32_t bit = 0;
  bool fault = false;
  size_t steps = 0;
  size_t seenFirst = kSteps;
  size_t seenLast = 0;
  Counts counts = {};
  const Slots* slotsOf[kTables];

  Source(const uint8_t* from, const uint8_t* middle, const uint8_t* until) : words(from, middle), bits(middle, until) {}

  inline uint32_t symbol(int table) {
    const uint32_t slot = (*slotsOf[table])[states.a & (kFrequencySum - 1)];
    const uint32_t next = advance(slot, states.a, words.at);
    states = {states.b, states.c, states.d, next};
    counts[table][slot & 0xff]++;
    return slot & 0xff;
  }

  /** Up to 53 bits. */
  inline uint64_t open(int count) {
    uint64_t value;
    std::memcpy(&value, bits.at, 8);
    value >>= bit;
    bit += static_cast<uint32_t>(count);
    bits.at += bit >> 3;
    bit &= 7;
    return value & ((uint64_t{1} << count) - 1);
  }

  template <class Scheme>
  inline uint64_t tailOf(uint32_t found) {
    const int tail = Scheme::tailBits(found);
    if (tail >= kNumberBitsMax) {
      fault = true;
      return 0;
    }
    const uint64_t value = Scheme::floorOf(found) + open(tail);
    if (value > kSafeMax) fault = true;
    return value;
  }

  inline uint64_t coarse(int table) {
    const uint32_t found = symbol(table);
    return found < Coarse::kDirect ? found : tailOf<Coarse>(found);
  }

  /** After a row: nothing was read beyond an end. */
  inline bool within() const {
    return !fault && words.at <= words.end && (bits.at < bits.end || (bits.at == bits.end && bit == 0));
  }
};

/** 0 after a row only. */
int takeClass(Source& source, int classBefore) {
  int64_t rowClass;
  if (classBefore > 0) {
    const uint32_t symbol = source.symbol(kNext + (classBefore >> 2));
    if (symbol == 0) return 0;
    rowClass = classBefore + unzigzag(symbol - 1);
  } else {
    rowClass = source.symbol(classBefore == kClassFirst ? kFirst : kResumed);
  }
  if (rowClass >= 1 && rowClass < kClasses) return static_cast<int>(rowClass);
  source.fault = true;
  return 1;
}

/** Cells of a row, relative steps. */
struct TakenRow {
  size_t cells = 0;
  uint8_t step[kSteps + 1];
  double count[kSteps + 1];
};

void takeSparse(Source& source, int rowClass, TakenRow& row) {
  row.cells = sparseFloor(rowClass) + source.open(sparseTailBits(rowClass));
  if (!isSparse(row.cells, source.steps)) {
    source.fault = true;
    return;
  }
  uint64_t stepNext = 0;
  for (size_t i = 0; i < row.cells; i++) {
    const uint64_t step = stepNext + source.coarse(kGap + rowClass);
    const uint64_t less1 = source.coarse(kCount + rowClass);
    if (step >= source.steps || less1 >= kSafeMax) source.fault = true;
    if (source.fault) return;
    row.step[i] = static_cast<uint8_t>(step);
    row.count[i] = static_cast<double>(less1 + 1);
    stepNext = step + 1;
  }
}

/** The symbols of a row's steps, and the largest. The states take turns in registers. */
uint32_t takeLevels(Source& source, int table, uint8_t* levels) {
  const Slots& slots = *source.slotsOf[table];
  uint32_t* const counts = source.counts[table];
  const uint8_t* at = source.words.at;
  auto [a, b, c, d] = source.states;
  constexpr uint32_t kMask = kFrequencySum - 1;
  const size_t steps = source.steps;
  size_t t = 0;
  for (; t + 4 <= steps; t += 4) {
    const uint32_t slotA = slots[a & kMask];
    const uint32_t slotB = slots[b & kMask];
    const uint32_t slotC = slots[c & kMask];
    const uint32_t slotD = slots[d & kMask];
    levels[t] = static_cast<uint8_t>(slotA);
    levels[t + 1] = static_cast<uint8_t>(slotB);
    levels[t + 2] = static_cast<uint8_t>(slotC);
    levels[t + 3] = static_cast<uint8_t>(slotD);
    a = advance(slotA, a, at);
    b = advance(slotB, b, at);
    c = advance(slotC, c, at);
    d = advance(slotD, d, at);
  }
  for (; t < steps; t++) {
    const uint32_t slot = slots[a & kMask];
    levels[t] = static_cast<uint8_t>(slot);
    const uint32_t next = advance(slot, a, at);
    a = b;
    b = c;
    c = d;
    d = next;
  }
  source.states = {a, b, c, d};
  source.words.at = at;
  uint8_t most = 0;
  for (t = 0; t < steps; t++) {
    counts[levels[t]]++;
    most = levels[t] > most ? levels[t] : most;
  }
  return most;
}

/** Rows of small counts, as most are: no bits, no base. */
DenseClass takeSmall(const uint8_t* levels, size_t steps, TakenRow& row) {
  size_t cells = 0;
  for (size_t t = 0; t < steps; t++) {
    row.step[cells] = static_cast<uint8_t>(t);
    row.count[cells] = static_cast<double>(levels[t]);
    cells += levels[t] != 0 ? 1 : 0;
  }
  row.cells = cells;
  return denseClassSmall(levels, steps);
}

DenseClass takeLarge(Source& source, const uint8_t* levels, uint64_t base, int shift, TakenRow& row) {
  uint64_t residue[kSteps];
  uint64_t least = UINT64_MAX;
  for (size_t t = 0; t < source.steps && !source.fault; t++) {
    const uint64_t level = levels[t] < Fine::kDirect ? levels[t] : source.tailOf<Fine>(levels[t]);
    if (level > kSafeMax >> shift) source.fault = true;
    residue[t] = (level << shift) + source.open(shift);
    if (residue[t] + base > kSafeMax) source.fault = true;
    least = residue[t] < least ? residue[t] : least;
    if (residue[t] + base == 0) continue;
    row.step[row.cells] = static_cast<uint8_t>(t);
    row.count[row.cells++] = static_cast<double>(residue[t] + base);
  }
  if (base > 0 && least > 0) source.fault = true;
  return source.fault ? DenseClass{0, 0} : denseClass(residue, source.steps);
}

void takeDense(Source& source, int rowClass, TakenRow& row) {
  const uint64_t base = source.coarse(kBase + baseContext(rowClass));
  const uint64_t shift = rowClass >= kShifted ? source.coarse(kShift) : 0;
  if (shift >= kNumberBitsMax) source.fault = true;
  if (source.fault) return;
  uint8_t levels[kSteps];
  const uint32_t most = takeLevels(source, kLevel + rowClass - kDense, levels);
  row.cells = 0;
  const bool small = base == 0 && shift == 0 && most < Fine::kDirect;
  const DenseClass found = small ? takeSmall(levels, source.steps, row)
                                 : takeLarge(source, levels, base, static_cast<int>(shift), row);
  if (isSparse(row.cells, source.steps) || (base == 0 && row.cells == source.steps)) source.fault = true;
  if (found.rowClass != rowClass || found.shift != static_cast<int>(shift)) source.fault = true;
}

struct Target {
  CellsRoom room;
  size_t stepFirst;
  size_t at;
  size_t end;
};

bool keepRow(Source& source, const TakenRow& row, uint16_t key, uint16_t bucket, Target& target) {
  if (!source.within() || row.cells == 0 || row.cells > target.end - target.at) return false;
  const size_t first = row.step[0];
  const size_t last = row.step[row.cells - 1];
  source.seenFirst = first < source.seenFirst ? first : source.seenFirst;
  source.seenLast = last > source.seenLast ? last : source.seenLast;
  const CellsRoom& room = target.room;
  std::memcpy(room.count + target.at, row.count, row.cells * sizeof(double));
  for (size_t i = 0; i < row.cells; i++) room.step[target.at + i] = static_cast<uint8_t>(row.step[i] + target.stepFirst);
  for (size_t i = 0; i < row.cells; i++) room.key[target.at + i] = key;
  for (size_t i = 0; i < row.cells; i++) room.bucket[target.at + i] = bucket;
  target.at += row.cells;
  return true;
}

bool takeRows(Source& source, uint16_t key, int64_t bucket, uint32_t bucketLimit, Target& target) {
  TakenRow row;
  int classBefore = kClassFirst;
  for (;; bucket++) {
    source.words.open();
    source.bits.open();
    int rowClass = takeClass(source, classBefore);
    if (rowClass == 0) {
      const uint64_t empty = source.coarse(kEmpty);
      if (empty == 0) return source.within();
      if (empty >= bucketLimit) return false;
      bucket += static_cast<int64_t>(empty);
      rowClass = takeClass(source, kClassResumed);
    }
    if (bucket < 0 || bucket >= static_cast<int64_t>(bucketLimit)) return false;
    if (rowClass < kDense) {
      takeSparse(source, rowClass, row);
    } else {
      takeDense(source, rowClass, row);
    }
    if (!keepRow(source, row, key, static_cast<uint16_t>(bucket), target)) return false;
    classBefore = rowClass;
  }
}

bool takeKeys(Source& source, uint32_t keyLimit, uint32_t bucketLimit, Target& target) {
  uint64_t key = 0;
  int64_t bucket = 0;
  for (; target.at < target.end; key++) {
    source.words.open();
    source.bits.open();
    key += source.coarse(kKeyGap);
    const uint64_t moved = source.coarse(kBucketFirst);
    if (!source.within() || key >= keyLimit || moved > 2 * uint64_t{bucketLimit}) return false;
    bucket += unzigzag(moved);
    if (!takeRows(source, static_cast<uint16_t>(key), bucket, bucketLimit, target)) return false;
  }
  const auto [a, b, c, d] = source.states;
  const bool home = a == kStateMin && b == kStateMin && c == kStateMin && d == kStateMin;
  if (!home || source.words.at != source.words.end || source.seenFirst != 0) return false;
  if (source.seenLast != source.steps - 1) return false;
  if (source.bit != 0 && *source.bits.at++ >> source.bit != 0) return false;
  return source.bits.at == source.bits.end;
}

void fillSlots(const Frequencies& frequencies, uint32_t* slots) {
  uint32_t at = 0;
  for (uint32_t symbol = 0; symbol < kSymbols; symbol++) {
    const uint32_t frequency = frequencies.of[symbol];
    for (uint32_t k = 0; k < frequency; k++) slots[at++] = symbol | frequency << 8 | k << 20;
  }
  while (at < kFrequencySum) slots[at++] = kNoSlot;
}

}  // namespace

ptrdiff_t decodeClasses(const uint8_t* bytes, size_t length, uint32_t keyLimit, uint32_t bucketLimit, CellsRoom room) {
  Cursor header{bytes, bytes + length, false};
  const uint64_t cells = header.varint();
  if (header.fault || cells > room.length) return kFault;
  if (cells == 0) return header.at == header.end ? 0 : kFault;
  if (header.end - header.at < 2) return kFault;
  const uint8_t stepFirst = *header.at++;
  const uint8_t stepLast = *header.at++;
  if (stepLast < stepFirst) return kFault;

  const uint8_t* const tablesAt = header.at;
  BitCursor bits{tablesAt, header.end};
  Frequencies frequencies[kTables];
  bool used[kTables] = {};
  size_t tables = 0;
  readTables(bits, [&](int table, const Frequencies& of) {
    frequencies[table] = of;
    used[table] = true;
    tables++;
  });
  if (bits.fault) return kFault;
  header.at = bits.at;
  const auto tableBytes = static_cast<size_t>(bits.at - tablesAt);

  const uint64_t words = header.varint();
  uint64_t states[kStates];
  for (uint64_t& state : states) state = header.varint() + kStateMin;
  for (const uint64_t state : states) header.fault = header.fault || state > INT32_MAX;
  if (header.fault || words > static_cast<size_t>(header.end - header.at) / 2) return kFault;

  // Tables without symbols share one.
  const std::unique_ptr<Slots[]> slots(new (std::nothrow) Slots[tables + 1]);
  const std::unique_ptr<Source> source(new (std::nothrow) Source(header.at, header.at + words * 2, header.end));
  if (!slots || !source) return kNoMemory;
  for (uint32_t& slot : slots[tables]) slot = kNoSlot;
  for (int table = 0, next = 0; table < kTables; table++) {
    source->slotsOf[table] = &slots[used[table] ? static_cast<size_t>(next) : tables];
    if (used[table]) fillSlots(frequencies[table], slots[static_cast<size_t>(next++)]);
  }
  source->states = {static_cast<uint32_t>(states[0]), static_cast<uint32_t>(states[1]),
                    static_cast<uint32_t>(states[2]), static_cast<uint32_t>(states[3])};
  source->steps = size_t{stepLast} - stepFirst + 1;
  Target target{room, stepFirst, 0, static_cast<size_t>(cells)};
  if (!takeKeys(*source, keyLimit, bucketLimit, target)) return kFault;

  uint8_t expected[kTableBytesMax];
  const bool same = writeTables(source->counts, expected) == tableBytes && std::memcmp(expected, tablesAt, tableBytes) == 0;
  return same ? static_cast<ptrdiff_t>(cells) : kFault;
}

}  // namespace tailglow
