// The prefix codes of src/kernel/prefix-code.ts, which says why each step is as it is.
#include "prefix_code.h"

#include <algorithm>
#include <cstring>

namespace tailglow {
namespace {

/** Depths of the leaves of Huffman's tree over `ascending` weights, counted by depth, none above `bitsMax`. */
void lengthCounts(const uint32_t* ascending, size_t leaves, int bitsMax, uint32_t* ofLength) {
  uint32_t weights[2 * kSymbolsMax];
  uint16_t parents[2 * kSymbolsMax];
  uint16_t depths[2 * kSymbolsMax] = {};
  std::copy_n(ascending, leaves, weights);
  size_t nodes = leaves;
  size_t leaf = 0;
  size_t node = leaves;
  const auto takeLighter = [&] {
    return leaf < leaves && (node >= nodes || weights[leaf] <= weights[node]) ? leaf++ : node++;
  };
  for (size_t joined = 1; joined < leaves; joined++) {
    const size_t a = takeLighter();
    const size_t b = takeLighter();
    parents[a] = static_cast<uint16_t>(nodes);
    parents[b] = static_cast<uint16_t>(nodes);
    weights[nodes++] = weights[a] + weights[b];
  }
  for (size_t i = nodes - 1; i-- > 0;) {
    depths[i] = static_cast<uint16_t>(depths[parents[i]] + 1);
    if (i < leaves) ofLength[std::min<int>(depths[i], bitsMax)]++;
  }
  if (leaves == 1) ofLength[1] = 1;
}

void shorten(uint32_t* ofLength, int bitsMax) {
  uint32_t sum = 0;
  for (int bits = 1; bits <= bitsMax; bits++) sum += ofLength[bits] << (bitsMax - bits);
  for (; sum > uint32_t{1} << bitsMax; sum--) {
    int above = bitsMax - 1;
    while (ofLength[above] == 0) above--;
    ofLength[bitsMax]--;
    ofLength[above]--;
    ofLength[above + 1] += 2;
  }
}

/** The lowest 16 bits the other way round. */
uint32_t reversed(uint32_t code) {
  code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
  code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
  code = (code & 0x0f0f) << 4 | (code >> 4 & 0x0f0f);
  return (code & 0xff) << 8 | code >> 8;
}

}  // namespace

void codeLengths(const uint32_t* counts, size_t symbols, int bitsMax, uint8_t* lengths) {
  uint32_t order[kSymbolsMax];
  uint32_t ascending[kSymbolsMax];
  uint32_t ofLength[kCodeBits + 1] = {};
  size_t used = 0;
  for (size_t symbol = 0; symbol < symbols; symbol++) {
    if (counts[symbol] > 0) order[used++] = counts[symbol] << 9 | static_cast<uint32_t>(symbol);
  }
  std::memset(lengths, 0, symbols);
  if (used == 0) return;
  std::sort(order, order + used);
  for (size_t i = 0; i < used; i++) ascending[i] = order[i] >> 9;
  lengthCounts(ascending, used, bitsMax, ofLength);
  shorten(ofLength, bitsMax);
  size_t next = 0;
  for (int bits = bitsMax; bits > 0; bits--) {
    for (uint32_t n = ofLength[bits]; n > 0; n--) lengths[order[next++] & 511] = static_cast<uint8_t>(bits);
  }
}

void codesOf(const uint8_t* lengths, size_t symbols, Code* codes) {
  uint32_t next[kCodeBits + 2] = {};
  for (size_t symbol = 0; symbol < symbols; symbol++) next[lengths[symbol] + 1]++;
  next[1] = 0;
  for (int bits = 2; bits <= kCodeBits; bits++) next[bits] = (next[bits - 1] + next[bits]) << 1;
  for (size_t symbol = 0; symbol < symbols; symbol++) {
    const int bits = lengths[symbol];
    const uint32_t code = bits == 0 ? 0 : reversed(next[bits]++) >> (16 - bits);
    codes[symbol] = {static_cast<uint16_t>(code), static_cast<uint16_t>(bits)};
  }
}

}  // namespace tailglow
