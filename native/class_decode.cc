// Codec 2's bytes to cells: src/kernel/classes.ts says what they mean and what is refused. Every read of hostile
// bytes stays in bounds: words and bits are read without a look at their end for the length of one row, out of
// memory that is padded for as much (PaddedPart), and what was read beyond the end is a fault once the row is done.
#include <cstring>
#include <memory>
#include <new>

#include "classes.h"
#include "varint.h"

namespace tailglow {

namespace {

using namespace classes;

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

/** The state after a symbol; without a branch, as no CPU could guess it. */
inline uint32_t advance(uint32_t slot, uint32_t state, const uint8_t*& at) {
  uint16_t word;
  std::memcpy(&word, at, 2);
  const uint32_t next = ((slot >> 8) & 0xfff) * (state >> kFrequencyBits) + (slot >> 20);
  // All ones where a word is taken in, else 0.
  const uint32_t taken = static_cast<uint32_t>(static_cast<int32_t>(next - kStateMin) >> 31);
  at += taken & 2;
  return (next & ~taken) | ((next << 16 | word) & taken);
}

struct Source {
  Words words;
  Bits bits;
  States states{};
  /** The bit of bits.at that is next. */
  uint32_t bit = 0;
  bool fault = false;
  size_t stepFirst = 0;
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

/** Where a row's cells are written: there is room for kSteps of them. */
struct TakenRow {
  uint8_t* step;
  double* count;
  size_t cells;
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
    row.step[i] = static_cast<uint8_t>(source.stepFirst + step);
    row.count[i] = static_cast<double>(less1 + 1);
    stepNext = step + 1;
  }
}

/** Few levels are counted one after the other, in vectors; many would take that too long. */
void countLevels(const uint8_t* levels, size_t steps, uint8_t most, uint32_t* counts) {
  if (most >= 12) {
    for (size_t t = 0; t < steps; t++) counts[levels[t]]++;
    return;
  }
  uint32_t rest = static_cast<uint32_t>(steps);
  for (uint8_t level = 1; level <= most; level++) {
    // Up to 256 of them: the first 255 fit a byte.
    uint8_t found = 0;
    for (size_t t = 1; t < steps; t++) found = static_cast<uint8_t>(found + (levels[t] == level ? 1 : 0));
    const uint32_t all = found + (levels[0] == level ? 1u : 0u);
    counts[level] += all;
    rest -= all;
  }
  counts[0] += rest;
}

/** The symbols of a row's steps, and the largest. The states take turns in registers. */
uint32_t takeLevels(Source& source, int table, uint8_t* levels) {
  const Slots& slots = *source.slotsOf[table];
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
  for (t = 0; t < steps; t++) most = levels[t] > most ? levels[t] : most;
  countLevels(levels, steps, most, source.counts[table]);
  return most;
}

/** Rows of small counts, as most are: no bits, no base. */
DenseClass takeSmall(const Source& source, const uint8_t* levels, TakenRow& row) {
  const size_t steps = source.steps;
  const size_t stepFirst = source.stepFirst;
  uint8_t* __restrict const step = row.step;
  uint8_t count[kSteps];
  size_t cells = 0;
  for (size_t t = 0; t < steps; t++) {
    const uint8_t level = levels[t];
    step[cells] = static_cast<uint8_t>(stepFirst + t);
    count[cells] = level;
    cells += level != 0 ? 1 : 0;
  }
  for (size_t i = 0; i < cells; i++) row.count[i] = static_cast<double>(count[i]);
  row.cells = cells;
  return denseClassSmall(levels, steps);
}

/** Rows of small counts above a base that leaves them safe: a cell at every step. */
DenseClass takeFull(Source& source, const uint8_t* levels, uint64_t base, TakenRow& row) {
  uint8_t least = UINT8_MAX;
  for (size_t t = 0; t < source.steps; t++) least = levels[t] < least ? levels[t] : least;
  if (least > 0) source.fault = true;
  for (size_t t = 0; t < source.steps; t++) row.step[t] = static_cast<uint8_t>(source.stepFirst + t);
  const auto above = static_cast<double>(base);
  for (size_t t = 0; t < source.steps; t++) row.count[t] = above + static_cast<double>(levels[t]);
  row.cells = source.steps;
  return denseClassSmall(levels, source.steps);
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
    row.step[row.cells] = static_cast<uint8_t>(source.stepFirst + t);
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
  const bool small = shift == 0 && most < Fine::kDirect && base <= kSafeMax - Fine::kDirect;
  const DenseClass found = !small      ? takeLarge(source, levels, base, static_cast<int>(shift), row)
                           : base == 0 ? takeSmall(source, levels, row)
                                       : takeFull(source, levels, base, row);
  if (isSparse(row.cells, source.steps) || (base == 0 && row.cells == source.steps)) source.fault = true;
  if (found.rowClass != rowClass || found.shift != static_cast<int>(shift)) source.fault = true;
}

struct Target {
  CellsRoom room;
  size_t at;
  size_t end;
  /** For the last rows, which might be longer than what is left of the room. */
  uint8_t step[kSteps];
  double count[kSteps];

  TakenRow open() {
    return room.length - at < kSteps ? TakenRow{step, count, 0} : TakenRow{room.step + at, room.count + at, 0};
  }
};

bool keepRow(Source& source, const TakenRow& row, uint16_t key, uint16_t bucket, Target& target) {
  if (!source.within() || row.cells == 0 || row.cells > target.end - target.at) return false;
  const size_t first = row.step[0];
  const size_t last = row.step[row.cells - 1];
  source.seenFirst = first < source.seenFirst ? first : source.seenFirst;
  source.seenLast = last > source.seenLast ? last : source.seenLast;
  const CellsRoom& room = target.room;
  if (row.step == target.step) {
    std::memcpy(room.step + target.at, row.step, row.cells);
    std::memcpy(room.count + target.at, row.count, row.cells * sizeof(double));
  }
  for (size_t i = 0; i < row.cells; i++) room.key[target.at + i] = key;
  for (size_t i = 0; i < row.cells; i++) room.bucket[target.at + i] = bucket;
  target.at += row.cells;
  return true;
}

bool takeRows(Source& source, uint16_t key, int64_t bucket, uint32_t bucketLimit, Target& target) {
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
    TakenRow row = target.open();
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
  if (!home || source.words.at != source.words.end || source.seenFirst != source.stepFirst) return false;
  if (source.seenLast != source.stepFirst + source.steps - 1) return false;
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
  source->stepFirst = stepFirst;
  source->steps = size_t{stepLast} - stepFirst + 1;
  Target target{room, 0, static_cast<size_t>(cells), {}, {}};
  if (!takeKeys(*source, keyLimit, bucketLimit, target)) return kFault;

  uint8_t expected[kTableBytesMax];
  const size_t expectedBytes = writeTables(source->counts, expected);
  const bool same = expectedBytes == tableBytes && std::memcmp(expected, tablesAt, tableBytes) == 0;
  return same ? static_cast<ptrdiff_t>(cells) : kFault;
}

}  // namespace tailglow
