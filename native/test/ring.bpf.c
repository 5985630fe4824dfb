// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A ring whose producer wakes the consumer only when that waits for it, and once. */
#include "types.h"

const volatile __u32 only_tgid;
const volatile __u64 only_nr;

__u32 events_sleeping; /* 1: wake at once; 2: when much is there */
__u64 reserved;
__u64 refused;
__u64 wakeups;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} plain SEC(".maps");

struct event {
	__u64 sequence;
	__u64 args[6];
};

static __u64 wake_flags(void)
{
	__u32 wish = *(volatile __u32 *)&events_sleeping;

	if (!wish || (wish == 2 && bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) <= 8 * 1024))
		return BPF_RB_NO_WAKEUP;
	*(volatile __u32 *)&events_sleeping = 0;
	__sync_fetch_and_add(&wakeups, 1);
	return BPF_RB_FORCE_WAKEUP;
}

static void emit(void)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		__sync_fetch_and_add(&refused, 1);
		return;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->sequence = __sync_fetch_and_add(&reserved, 1);
	bpf_ringbuf_submit(event, wake_flags());
}

/* Storms: one event for each call of one system call. */
SEC("tp_btf/sys_enter")
int on_call(__u64 *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (tgid == only_tgid && ctx[1] == only_nr)
		emit();
	return 0;
}

/* By test_run: ctx[0] events, at most 100. */
SEC("raw_tp/sys_enter")
int emit_some(__u64 *ctx)
{
	__u32 count = ctx[0];

	for (__u32 i = 0; i < 100 && i < count; i++)
		emit();
	return 0;
}

/* By test_run: records of 3 and 100 bytes with a discarded one between. */
SEC("raw_tp/sys_enter")
int emit_mixed(__u64 *ctx)
{
	__u8 *small, *dropped, *big;

	(void)ctx;
	small = bpf_ringbuf_reserve(&plain, 3, 0);
	if (!small)
		return 1;
	__builtin_memset(small, 0xaa, 3);
	bpf_ringbuf_submit(small, 0);
	dropped = bpf_ringbuf_reserve(&plain, 40, 0);
	if (!dropped)
		return 2;
	bpf_ringbuf_discard(dropped, 0);
	big = bpf_ringbuf_reserve(&plain, 100, 0);
	if (!big)
		return 3;
	__builtin_memset(big, 0xbb, 100);
	bpf_ringbuf_submit(big, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
