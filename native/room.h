#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace tailglow {

/** Uncleared; null where there is no memory. */
template <class T>
std::unique_ptr<T[]> roomFor(size_t length) {
  return std::unique_ptr<T[]>(new (std::nothrow) T[length]);
}

}  // namespace tailglow
