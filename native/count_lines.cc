// Counts of a block by key and bucket, one for each step, as src/model/count-lines.ts has them. A hash table that lasts
// for one call says which line a key and bucket have; runs of cells ask it once.
#include <algorithm>
#include <memory>
#include <new>

#include "kernel.h"
#include "runs.h"

namespace tailglow {
namespace {

constexpr uint32_t kCountMax = UINT16_MAX;

/** Line numbers by key and bucket: open addressing, at most half full. */
class LineIndex {
 public:
  /** Of `lines`; false where there is no memory. */
  bool fill(const uint16_t* key, const uint16_t* bucket, size_t lines) {
    size_t slots = kSlotsMin;
    while (slots < 4 * lines) slots *= 2;
    if (!allocate(slots)) return false;
    for (size_t line = 0; line < lines; line++) put(nameOf(key[line], bucket[line]), static_cast<uint32_t>(line));
    length_ = lines;
    return true;
  }

  /** The line of a name; a new one gets the next number. False where there is no memory. */
  bool lineOf(uint32_t name, size_t* line) {
    size_t at = slotOf(name);
    for (; slots_[at].isTaken; at = (at + 1) & mask_) {
      if (slots_[at].name != name) continue;
      *line = slots_[at].line;
      return true;
    }
    slots_[at] = {name, static_cast<uint32_t>(length_), true};
    *line = length_++;
    return 2 * length_ <= mask_ || grow();
  }

  static uint32_t nameOf(uint16_t key, uint16_t bucket) { return uint32_t{key} << 16 | bucket; }

  size_t length() const { return length_; }

 private:
  struct Slot {
    uint32_t name;
    uint32_t line;
    bool isTaken;
  };

  static constexpr size_t kSlotsMin = 1024;

  size_t slotOf(uint32_t name) const { return (name * uint64_t{0x9e3779b97f4a7c15} >> 32) & mask_; }

  bool allocate(size_t slots) {
    slots_.reset(new (std::nothrow) Slot[slots]());
    mask_ = slots - 1;
    return slots_ != nullptr;
  }

  void put(uint32_t name, uint32_t line) {
    size_t at = slotOf(name);
    while (slots_[at].isTaken) at = (at + 1) & mask_;
    slots_[at] = {name, line, true};
  }

  bool grow() {
    const std::unique_ptr<Slot[]> old = std::move(slots_);
    const size_t slots = mask_ + 1;
    if (!allocate(2 * slots)) return false;
    for (size_t i = 0; i < slots; i++) {
      if (old[i].isTaken) put(old[i].name, old[i].line);
    }
    return true;
  }

  std::unique_ptr<Slot[]> slots_;
  size_t mask_ = 0;
  size_t length_ = 0;
};

/** Visits the runs of cells with their line; false where there is no memory, or `visit` says so. */
template <class Visit>
bool eachRun(const Cells& cells, LineIndex& index, Visit&& visit) {
  for (size_t i = 0, end; i < cells.length; i = end) {
    end = runEnd(cells, i);
    size_t line = 0;
    if (!index.lineOf(LineIndex::nameOf(cells.key[i], cells.bucket[i]), &line) || !visit(line, i, end)) return false;
  }
  return true;
}

}  // namespace

ptrdiff_t addLines(const Cells& cells, size_t lines, const CountLinesRoom& room) {
  LineIndex index;
  if (!index.fill(room.key, room.bucket, lines)) return kNoMemory;
  if (!eachRun(cells, index, [](size_t, size_t, size_t) { return true; })) return kNoMemory;
  if (index.length() > room.length) return static_cast<ptrdiff_t>(index.length());

  std::fill_n(room.count + lines * kSteps, (index.length() - lines) * kSteps, 0);
  bool fits = true;
  const bool done = eachRun(cells, index, [&](size_t line, size_t first, size_t end) {
    room.key[line] = cells.key[first];
    room.bucket[line] = cells.bucket[first];
    uint16_t* const counts = room.count + line * kSteps;
    for (size_t i = first; i < end; i++) {
      const double sum = counts[cells.step[i]] + cells.count[i];
      fits = fits && sum >= 0 && sum <= kCountMax;
      counts[cells.step[i]] = fits ? static_cast<uint16_t>(sum) : 0;
    }
    return fits;
  });
  if (!fits) return kFault;
  return done ? static_cast<ptrdiff_t>(index.length()) : kNoMemory;
}

}  // namespace tailglow
