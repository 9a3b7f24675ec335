// Varints and counts as both codecs of the kernel write and read them: src/model/varint.ts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tailglow {

constexpr uint64_t kSafeMax = (uint64_t{1} << 53) - 1;

inline size_t varintBytes(uint64_t value) {
  return (70 - static_cast<size_t>(__builtin_clzll(value | 1))) / 7;
}

inline uint8_t* putVarint(uint8_t* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<uint8_t>(value) | 0x80;
    value >>= 7;
  }
  *out++ = static_cast<uint8_t>(value);
  return out;
}

/** A part of the bytes, read from the front. A fault sticks: everything after it reads as 0. */
struct Cursor {
  const uint8_t* at;
  const uint8_t* end;
  bool fault;

  inline uint64_t varint() {
    if (at < end && *at < 0x80) return *at++;
    return longVarint();
  }

  uint64_t longVarint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 56 && at < end; shift += 7) {
      const uint8_t byte = *at++;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte >= 0x80) continue;
      if ((byte == 0 && shift > 0) || value > kSafeMax) break;
      return value;
    }
    fault = true;
    at = end;
    return 0;
  }
};

/** The count less 1, or false where it is no positive safe integer. */
inline bool countLess1(double count, uint64_t* less1) {
  if (!(count >= 1 && count <= static_cast<double>(kSafeMax))) return false;
  const uint64_t whole = static_cast<uint64_t>(count);
  *less1 = whole - 1;
  return static_cast<double>(whole) == count;
}

}  // namespace tailglow
