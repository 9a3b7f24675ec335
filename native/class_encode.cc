// Cells to codec 2's bytes: src/kernel/classes.ts says what they mean. One walk over the cells makes symbols, their
// counts and the bits that they leave open; then the symbols, last first, become words. Memory for symbols and
// bits grows before each row by what a row can need, so that nothing within a row looks at its end.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "classes.h"
#include "varint.h"

namespace tailglow {

namespace {

using namespace classes;

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
  uint64_t most = 0;
  for (size_t i = 0; i < row.cells; i++) {
    const auto count = static_cast<uint64_t>(row.count[i]);
    residue[row.step[i] - row.stepFirst] = count;
    base = count < base ? count : base;
    most = count > most ? count : most;
  }
  for (size_t t = 0; base > 0 && t < row.steps; t++) residue[t] -= base;
  const auto [rowClass, shift] = most - base < Fine::kDirect ? denseClassNarrow(residue, row.steps)
                                                             : denseClass(residue, row.steps);
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

}  // namespace tailglow
