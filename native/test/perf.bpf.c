// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A perf event array, written into by each CPU. */
#include "types.h"

const volatile __u32 only_tgid;
const volatile __u64 only_nr;

__u64 written;
__u64 full;
__u64 unserved;

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} events SEC(".maps");

struct event {
	__u64 time;
	__u64 more[5];
};

#define ENOSPC 28

static void emit(void *ctx, __u64 size)
{
	struct event event = {};
	long error;

	event.time = bpf_ktime_get_ns();
	error = bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, size);
	if (!error)
		__sync_fetch_and_add(&written, 1);
	else if (error == -ENOSPC)
		__sync_fetch_and_add(&full, 1);
	else
		__sync_fetch_and_add(&unserved, 1);
}

/* Storms: one event for each call of one system call. */
SEC("tp_btf/sys_enter")
int on_call(__u64 *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (tgid == only_tgid && ctx[1] == only_nr)
		emit(ctx, sizeof(struct event));
	return 0;
}

/* By test_run: ctx[0] events of ctx[1] bytes (24 to 48), at most 100. */
SEC("raw_tp/sys_enter")
int emit_some(__u64 *ctx)
{
	__u32 count = ctx[0];
	__u64 size = ctx[1];

	if (size < 24 || size > sizeof(struct event))
		return 1;
	for (__u32 i = 0; i < 100 && i < count; i++)
		emit(ctx, size);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
