/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared by the hand-written limits: the cheapest design known for each kind of data, keyed by process. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

typedef __u32 u32;
typedef __u64 u64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct task_struct {
	unsigned int __state;
	int pid, tgid;
};
struct pt_regs {
	unsigned long orig_ax;
};
#pragma clang attribute pop

#define BUCKETS 32

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline u32 log2_bucket(u64 v)
{
	u32 r = 0;

	if (v >> 32) {
		r = 32;
		v >>= 32;
	}
	if (v >> 16) {
		r += 16;
		v >>= 16;
	}
	if (v >> 8) {
		r += 8;
		v >>= 8;
	}
	if (v >> 4) {
		r += 4;
		v >>= 4;
	}
	if (v >> 2) {
		r += 2;
		v >>= 2;
	}
	if (v >> 1)
		r += 1;
	return r;
}

/* The value for a key of a per-CPU hash, made when it is not there. */
static __always_inline void *value_of(void *map, const void *key, const void *zero)
{
	void *v = bpf_map_lookup_elem(map, key);

	if (v)
		return v;
	bpf_map_update_elem(map, key, zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

static __always_inline u32 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}
