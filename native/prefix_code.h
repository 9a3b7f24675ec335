// Prefix codes of deflate: lengths from counts, codes from lengths (src/kernel/prefix-code.ts).
#pragma once

#include <cstddef>
#include <cstdint>

namespace tailglow {

/** Bits of the longest code, and symbols of the largest. */
constexpr int kCodeBits = 15;
constexpr size_t kSymbolsMax = 288;

/** A code, its first bit the lowest, and how many bits it has. */
struct Code {
  uint16_t code;
  uint16_t bits;
};

/** At most kSymbolsMax symbols and kCodeBits bits; each count is below 2^23. */
void codeLengths(const uint32_t* counts, size_t symbols, int bitsMax, uint8_t* lengths);
void codesOf(const uint8_t* lengths, size_t symbols, Code* codes);

}  // namespace tailglow
