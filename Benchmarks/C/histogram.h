// A histogram of nanoseconds over the whole range, with a bounded relative error (HdrHistogram's idea).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

// Exact below 2^SUB_BITS ns; above, each power of two has 2^SUB_BITS buckets, so a bucket is 0.8 % wide at most.
enum { SUB_BITS = 7, SUB_BUCKETS = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS + 1) * SUB_BUCKETS };

struct histogram {
    uint64_t counts[BUCKETS];
    uint64_t total;
};

static inline unsigned bucket_of(uint64_t value)
{
    if (value < SUB_BUCKETS)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - SUB_BITS;
    return ((shift + 1) << SUB_BITS) + (unsigned)(value >> shift) - SUB_BUCKETS;
}

// The middle of a bucket.
static inline double value_of(unsigned bucket)
{
    if (bucket < SUB_BUCKETS)
        return bucket;
    unsigned shift = (bucket >> SUB_BITS) - 1;
    uint64_t lowest = (uint64_t)((bucket & (SUB_BUCKETS - 1)) + SUB_BUCKETS) << shift;
    return (double)lowest + (double)(1ull << shift) / 2;
}

static inline void record(struct histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->total++;
}

static inline double quantile(const struct histogram *histogram, double q)
{
    uint64_t rank = (uint64_t)(q * (double)histogram->total), seen = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen > rank)
            return value_of(bucket);
    }
    return 0;
}
