// TAILGLOW_WIDE before a function: compiled twice, for every CPU and for those with vectors of four doubles; which one runs
// is found out when the library is loaded. Both compute the same, bit for bit: no additions in another order, no fused ones.
#pragma once

#include <cstddef>

#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define TAILGLOW_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define TAILGLOW_WIDE
#endif
