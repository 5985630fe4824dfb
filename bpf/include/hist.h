/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Log2 histogram of nanoseconds. Bucket k holds (2^(k-1), 2^k], zeros stand apart; the last bucket also holds all above. */
#ifndef BPFLOW_HIST_H
#define BPFLOW_HIST_H

#include "types.h"

#define HIST_BUCKETS 48

struct hist {
	ns_t sum;
	count_t zero;
	count_t buckets[HIST_BUCKETS];
};

#ifdef __bpf__
/* The smallest k with v <= 2^k, for v > 0. */
static __always_inline u32 hist_bucket(u64 v)
{
	u32 k = 0;

	v--;
	if (v >> 32) {
		k = 32;
		v >>= 32;
	}
	if (v >> 16) {
		k += 16;
		v >>= 16;
	}
	if (v >> 8) {
		k += 8;
		v >>= 8;
	}
	if (v >> 4) {
		k += 4;
		v >>= 4;
	}
	if (v >> 2) {
		k += 2;
		v >>= 2;
	}
	if (v >> 1) {
		k += 1;
		v >>= 1;
	}
	k += v;
	return k < HIST_BUCKETS ? k : HIST_BUCKETS - 1;
}

/* The same time 2^shift times. */
static __always_inline void hist_add_times(struct hist *hist, u64 ns, u32 shift)
{
	hist->sum += ns << shift;
	if (!ns) {
		hist->zero += 1ull << shift;
		return;
	}
	u32 bucket = hist_bucket(ns);
	/* The verifier forgets the bound over the spill. */
	if (bucket < HIST_BUCKETS)
		hist->buckets[bucket] += 1ull << shift;
}

static __always_inline void hist_add(struct hist *hist, u64 ns)
{
	hist_add_times(hist, ns, 0);
}

/* The same where a program may be interrupted by another that adds to this CPU's histogram. */
static __always_inline void hist_add_shared(struct hist *hist, u64 ns)
{
	u32 bucket;

	__sync_fetch_and_add(&hist->sum, ns);
	if (!ns) {
		__sync_fetch_and_add(&hist->zero, 1);
		return;
	}
	bucket = hist_bucket(ns);
	if (bucket < HIST_BUCKETS)
		__sync_fetch_and_add(&hist->buckets[bucket], 1);
}
#endif

#endif
