/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Timing and events may be sampled: one in 2^sample_shift, by chance, stands for all of them. Counters never are. */
#ifndef BPFLOW_SAMPLING_H
#define BPFLOW_SAMPLING_H

#include "hist.h"
#include <bpf/bpf_helpers.h>

const volatile u32 sample_shift = 0;

/* By chance and not every so many: programs repeat themselves. */
static __always_inline bool is_sampled(void)
{
	return !sample_shift || !(bpf_get_prandom_u32() & ((1u << sample_shift) - 1));
}

/* One that was sampled, for all that it stands for. */
static __always_inline void hist_add_sampled(struct hist *hist, u64 ns)
{
	hist_add_times(hist, ns, sample_shift);
}

#endif
