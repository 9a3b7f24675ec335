#pragma once

#include <cstddef>
#include <cstdint>

namespace tailglow {

// Four at a time, said so that it holds for every compiler: of comparisons it makes branches else, which noise misleads.
using Doubles = double __attribute__((vector_size(32)));
using Masks = int64_t __attribute__((vector_size(32)));
constexpr size_t kFour = 4;

}  // namespace tailglow
