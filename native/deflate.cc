// The zlib stream of src/kernel/deflate.ts, which defines every choice made here: the same bytes for the same input.
// Scratch (some 20 KB) lies on the stack.
#include <algorithm>
#include <cstring>

#include "kernel.h"
#include "prefix_code.h"
#include "wide.h"

namespace tailglow {
namespace {

constexpr size_t kBlockTokens = 4096;
constexpr size_t kRunMin = 3;
constexpr size_t kMatchMax = 258;
constexpr size_t kDistanceMax = 32768;
constexpr size_t kRowMatchMin = 16;
constexpr size_t kRowMatchGain = 4;
constexpr uint32_t kAdlerBase = 65521;
constexpr size_t kAdlerBytes = 5552;

constexpr size_t kLiterals = 286;
constexpr size_t kFixedLiterals = 288;
constexpr size_t kDistances = 30;
constexpr size_t kLengthCodes = 19;
constexpr size_t kEnd = 256;
constexpr int kLengthCodeBits = 7;
constexpr uint8_t kLengthOrder[kLengthCodes] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

/** Code, first value and extra bits of each length; first value and extra bits of each code of distances. */
struct Codes {
  uint8_t lengthCode[kMatchMax + 1] = {};
  uint16_t lengthBase[kMatchMax + 1] = {};
  uint8_t lengthExtra[29] = {};
  uint16_t distanceBase[kDistances] = {};
  uint8_t distanceExtra[kDistances] = {};

  constexpr Codes() {
    size_t next = kRunMin;
    for (size_t code = 0; code < 28; code++) {
      lengthExtra[code] = static_cast<uint8_t>(code < 8 ? 0 : (code >> 2) - 1);
      const size_t base = next;
      for (size_t n = size_t{1} << lengthExtra[code]; n > 0; n--, next++) {
        lengthCode[next] = static_cast<uint8_t>(code);
        lengthBase[next] = static_cast<uint16_t>(base);
      }
    }
    lengthCode[kMatchMax] = 28;
    lengthBase[kMatchMax] = kMatchMax;
    next = 1;
    for (size_t code = 0; code < kDistances; code++) {
      distanceExtra[code] = static_cast<uint8_t>(code < 4 ? 0 : (code >> 1) - 1);
      distanceBase[code] = static_cast<uint16_t>(next);
      next += size_t{1} << distanceExtra[code];
    }
  }
};
constexpr Codes kCodes;

inline size_t distanceCode(size_t distance) {
  if (distance <= 4) return distance - 1;
  const auto rest = static_cast<uint32_t>(distance - 1);
  const int top = 31 - __builtin_clz(rest);
  return static_cast<size_t>(2 * top) + ((rest >> (top - 1)) & 1);
}

/** Writes bits, the lowest first; only whole bytes reach the output. */
class Bits {
 public:
  explicit Bits(uint8_t* out) : out_(out), begin_(out) {}

  /** At most 32 bits. */
  inline void put(uint32_t value, int bits) {
    waiting_ |= static_cast<uint64_t>(value) << waitingBits_;
    waitingBits_ += bits;
    if (waitingBits_ < 32) return;
    for (int i = 0; i < 4; i++) out_[i] = static_cast<uint8_t>(waiting_ >> (8 * i));
    out_ += 4;
    waiting_ >>= 32;
    waitingBits_ -= 32;
  }

  int fillAfter(int more) const { return -(waitingBits_ + more) & 7; }

  void align() {
    put(0, fillAfter(0));
    for (; waitingBits_ > 0; waitingBits_ -= 8, waiting_ >>= 8) *out_++ = static_cast<uint8_t>(waiting_);
  }

  /** Whole bytes, after align(). */
  void bytes(const uint8_t* bytes, size_t length) {
    std::memcpy(out_, bytes, length);
    out_ += length;
  }

  size_t length() const { return static_cast<size_t>(out_ - begin_); }

 private:
  uint8_t* out_;
  const uint8_t* begin_;
  uint64_t waiting_ = 0;
  int waitingBits_ = 0;
};

inline uint32_t fourBytes(const uint8_t* at) {
  return uint32_t{at[0]} | uint32_t{at[1]} << 8 | uint32_t{at[2]} << 16 | uint32_t{at[3]} << 24;
}

inline uint64_t eightBytes(const uint8_t* at) {
  return uint64_t{fourBytes(at)} | uint64_t{fourBytes(at + 4)} << 32;
}

/** How many of the first `most` bytes are equal. */
inline size_t equalBytes(const uint8_t* a, const uint8_t* b, size_t most) {
  size_t length = 0;
  // What is equal is long mostly: whole rows.
  while (length + 32 <= most && std::memcmp(a + length, b + length, 32) == 0) length += 32;
  for (; length + 8 <= most; length += 8) {
    const uint64_t differ = eightBytes(a + length) ^ eightBytes(b + length);
    if (differ != 0) return length + (static_cast<size_t>(__builtin_ctzll(differ)) >> 3);
  }
  while (length < most && a[length] == b[length]) length++;
  return length;
}

class Tokens {
 public:
  uint32_t list[kBlockTokens];
  size_t length = 0;
  uint32_t literals[kLiterals];
  uint32_t distances[kDistances];
  size_t extraBits = 0;
  size_t at = 0;

  Tokens(const uint8_t* bytes, size_t total, size_t rowBytes)
      : bytes_(bytes), total_(total), rowBytes_(rowBytes > 0 && rowBytes <= kDistanceMax ? rowBytes : kNone) {}

  void nextBlock() {
    extraBits = 0;
    std::memset(literals, 0, sizeof literals);
    std::memset(distances, 0, sizeof distances);
    literals[kEnd] = 1;
    // Held in registers: bytes that are read might be those of a member.
    size_t here = at;
    size_t tokens = 0;
    while (tokens < kBlockTokens && here < total_) {
      const uint32_t match = longest(here);
      const uint8_t byte = bytes_[here];
      list[tokens++] = match == 0 ? byte : match;
      if (match == 0) {
        literals[byte]++;
        here++;
      } else {
        count(match >> 15, (match & 0x7fff) + 1);
        here += match >> 15;
      }
    }
    at = here;
    length = tokens;
  }

 private:
  static constexpr size_t kNone = ~size_t{0};

  inline void count(size_t matched, size_t distance) {
    const size_t code = kCodes.lengthCode[matched];
    const size_t far = distanceCode(distance);
    literals[kEnd + 1 + code]++;
    distances[far]++;
    extraBits += kCodes.lengthExtra[code] + kCodes.distanceExtra[far];
  }

  /** The match to take at `place`, as a token; 0 for none. What is too short is seen at once, by the bytes that a match
   *  has at least: one comparison that nearly always fails, where byte by byte some would hold at random. */
  inline uint32_t longest(size_t place) const {
    const uint8_t* const here = bytes_ + place;
    const size_t most = std::min(kMatchMax, total_ - place);
    if (most < 8) return runAtEnd(place, most);
    const uint64_t next = eightBytes(here);
    size_t run = 0;
    if (place > 0) {
      const uint64_t differs = (next << 8 | here[-1]) ^ next;
      if (differs == 0) run = 8 + equalBytes(here + 7, here + 8, most - 8);
      else if ((differs & 0xffffff) == 0) run = static_cast<size_t>(__builtin_ctzll(differs)) >> 3;
    }
    if (rowBytes_ <= place && eightBytes(here - rowBytes_) == next) {
      const size_t above = equalBytes(here - rowBytes_, here, most);
      if (above >= kRowMatchMin && above >= run + kRowMatchGain) {
        return static_cast<uint32_t>(above << 15 | (rowBytes_ - 1));
      }
    }
    return static_cast<uint32_t>(run << 15);
  }

  /** Where eight bytes cannot be read at once; too few for a match with the row above. */
  uint32_t runAtEnd(size_t place, size_t most) const {
    const size_t run = place > 0 ? equalBytes(bytes_ + place - 1, bytes_ + place, most) : 0;
    return run < kRunMin ? 0 : static_cast<uint32_t>(run << 15);
  }

  const uint8_t* bytes_;
  size_t total_;
  size_t rowBytes_;
};

/** Lengths of both codes, the fixed ones where nothing else is said. */
struct Lengths {
  uint8_t literals[kFixedLiterals];
  uint8_t distances[kDistances];

  Lengths() {
    for (size_t s = 0; s < kFixedLiterals; s++) literals[s] = s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8;
    std::memset(distances, 5, kDistances);
  }
};

size_t bitsOf(const Tokens& tokens, const Lengths& lengths) {
  size_t bits = tokens.extraBits;
  for (size_t s = 0; s < kLiterals; s++) bits += size_t{tokens.literals[s]} * lengths.literals[s];
  for (size_t s = 0; s < kDistances; s++) bits += size_t{tokens.distances[s]} * lengths.distances[s];
  return bits;
}

constexpr int repeatBits(size_t symbol) { return symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7; }

/** Both codes' lengths as symbols of the length code: the symbol, and its extra bits' value << 5. */
struct Header {
  size_t literals = kEnd + 1;
  size_t distances = 1;
  uint16_t symbols[kLiterals + kDistances];
  size_t count = 0;
  uint8_t lengths[kLengthCodes];
  size_t ordered = kLengthCodes;
  size_t bits;

  explicit Header(const Lengths& codes) {
    uint8_t both[kLiterals + kDistances];
    for (size_t s = literals; s < kLiterals; s++) literals = codes.literals[s] > 0 ? s + 1 : literals;
    for (size_t s = distances; s < kDistances; s++) distances = codes.distances[s] > 0 ? s + 1 : distances;
    std::memcpy(both, codes.literals, literals);
    std::memcpy(both + literals, codes.distances, distances);
    repeats(both, literals + distances);
    uint32_t counts[kLengthCodes] = {};
    for (size_t i = 0; i < count; i++) counts[symbols[i] & 31]++;
    codeLengths(counts, kLengthCodes, kLengthCodeBits, lengths);
    while (ordered > 4 && lengths[kLengthOrder[ordered - 1]] == 0) ordered--;
    bits = 5 + 5 + 4 + 3 * ordered;
    for (size_t s = 0; s < kLengthCodes; s++) bits += counts[s] * static_cast<size_t>(lengths[s] + repeatBits(s));
  }

  void write(Bits* out) const {
    out->put(static_cast<uint32_t>(literals - (kEnd + 1)), 5);
    out->put(static_cast<uint32_t>(distances - 1), 5);
    out->put(static_cast<uint32_t>(ordered - 4), 4);
    for (size_t i = 0; i < ordered; i++) out->put(lengths[kLengthOrder[i]], 3);
    Code codes[kLengthCodes];
    codesOf(lengths, kLengthCodes, codes);
    for (size_t i = 0; i < count; i++) {
      const size_t symbol = symbols[i] & 31;
      out->put(codes[symbol].code, codes[symbol].bits);
      out->put(symbols[i] >> 5, repeatBits(symbol));
    }
  }

 private:
  void add(size_t symbol, size_t extra) { symbols[count++] = static_cast<uint16_t>(symbol | extra << 5); }

  void repeats(const uint8_t* all, size_t total) {
    for (size_t at = 0; at < total;) {
      const uint8_t bits = all[at];
      size_t run = 1;
      while (at + run < total && all[at + run] == bits) run++;
      at += run;
      if (bits > 0) {
        add(bits, 0);
        run--;
      }
      while (run > 0) {
        const size_t most = std::min<size_t>(run, bits > 0 ? 6 : 138);
        if (most < 3) add(bits, 0);
        else if (bits > 0) add(16, most - 3);
        else if (most < 11) add(17, most - 3);
        else add(18, most - 11);
        run -= most < 3 ? 1 : most;
      }
    }
  }
};

void writeTokens(Bits* out, const Tokens& tokens, const Lengths& lengths) {
  Code literals[kFixedLiterals];
  Code distances[kDistances];
  codesOf(lengths.literals, kFixedLiterals, literals);
  codesOf(lengths.distances, kDistances, distances);
  Bits bits = *out;
  for (size_t i = 0; i < tokens.length; i++) {
    const uint32_t token = tokens.list[i];
    if (token < kEnd) {
      bits.put(literals[token].code, literals[token].bits);
      continue;
    }
    const size_t length = token >> 15;
    const size_t distance = (token & 0x7fff) + 1;
    const size_t code = kCodes.lengthCode[length];
    const size_t far = distanceCode(distance);
    const Code& first = literals[kEnd + 1 + code];
    bits.put(first.code | static_cast<uint32_t>(length - kCodes.lengthBase[length]) << first.bits,
             first.bits + kCodes.lengthExtra[code]);
    const Code& second = distances[far];
    bits.put(second.code | static_cast<uint32_t>(distance - kCodes.distanceBase[far]) << second.bits,
             second.bits + kCodes.distanceExtra[far]);
  }
  bits.put(literals[kEnd].code, literals[kEnd].bits);
  *out = bits;
}

void writeStored(Bits* out, const uint8_t* bytes, size_t length) {
  out->align();
  out->put(static_cast<uint32_t>(length | (length ^ 0xffff) << 16), 32);
  out->align();
  out->bytes(bytes, length);
}

void writeBlock(Bits* out, const Tokens& tokens, const uint8_t* bytes, size_t from, bool last) {
  const Lengths fixedLengths;
  Lengths lengths;
  std::memset(lengths.literals, 0, kFixedLiterals);
  codeLengths(tokens.literals, kLiterals, kCodeBits, lengths.literals);
  codeLengths(tokens.distances, kDistances, kCodeBits, lengths.distances);
  const Header header(lengths);
  const size_t stored = static_cast<size_t>(3 + out->fillAfter(3) + 32) + 8 * (tokens.at - from);
  const size_t fixed = 3 + bitsOf(tokens, fixedLengths);
  const size_t dynamic = 3 + header.bits + bitsOf(tokens, lengths);
  if (stored <= std::min(fixed, dynamic)) {
    out->put(last, 3);
    writeStored(out, bytes + from, tokens.at - from);
  } else if (fixed <= dynamic) {
    out->put(last | 1 << 1, 3);
    writeTokens(out, tokens, fixedLengths);
  } else {
    out->put(last | 2 << 1, 3);
    header.write(out);
    writeTokens(out, tokens, lengths);
  }
}

using Bytes = uint8_t __attribute__((vector_size(32)));
using Words = uint16_t __attribute__((vector_size(64)));
constexpr size_t kPiece = sizeof(Bytes);
/** Pieces whose sums, lane by lane and each lane as often as it counts in b, stay below 2^16. */
constexpr size_t kPieces = 8;
constexpr Words kCounts = {32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
                           16, 15, 14, 13, 12, 11, 10, 9,  8,  7,  6,  5,  4,  3,  2,  1};

inline __attribute__((always_inline)) uint32_t sumOf(const Words& words) {
  uint32_t sum = 0;
  for (size_t lane = 0; lane < kPiece; lane++) sum += words[lane];
  return sum;
}

/** In pieces, lane by lane: b grows by what was in a before each, and by the piece's bytes times how often each is in a. */
TAILGLOW_WIDE uint32_t adler32(const uint8_t* bytes, size_t length) {
  constexpr size_t kGroup = kPiece * kPieces;
  uint32_t a = 1;
  uint32_t b = 0;
  for (size_t from = 0; from < length;) {
    const size_t until = std::min(length, from + kAdlerBytes);
    for (; from + kGroup <= until; from += kGroup) {
      Words sums = {};
      Words before = {};
      for (size_t piece = 0; piece < kPieces; piece++) {
        Bytes own;
        std::memcpy(&own, bytes + from + piece * kPiece, sizeof own);
        before += sums;
        sums += __builtin_convertvector(own, Words);
      }
      b += kGroup * a + kPiece * sumOf(before) + sumOf(sums * kCounts);
      a += sumOf(sums);
    }
    for (; from < until; from++) {
      a += bytes[from];
      b += a;
    }
    a %= kAdlerBase;
    b %= kAdlerBase;
  }
  return b << 16 | a;
}

}  // namespace

size_t deflateBound(size_t length) {
  const size_t blocks = (length + kBlockTokens - 1) / kBlockTokens;
  return 2 + length + 5 * std::max<size_t>(1, blocks) + 4;
}

size_t deflate(const uint8_t* bytes, size_t length, size_t rowBytes, uint8_t* out) {
  Bits bits(out);
  bits.put(0x0178, 16);
  Tokens tokens(bytes, length, rowBytes);
  do {
    const size_t from = tokens.at;
    tokens.nextBlock();
    writeBlock(&bits, tokens, bytes, from, tokens.at == length);
  } while (tokens.at < length);
  bits.align();
  const uint32_t sum = adler32(bytes, length);
  for (int shift = 24; shift >= 0; shift -= 8) bits.put(sum >> shift & 0xff, 8);
  bits.align();
  return bits.length();
}

}  // namespace tailglow
