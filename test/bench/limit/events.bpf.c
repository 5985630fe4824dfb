/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// One 64-byte record per getppid of one process; the reader is woken when it sleeps, or when it naps and an eighth is full.
#include "limit.h"

#define RING_BYTES (16 << 20)

struct event_record {
	u64 time, number, rest[6];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

const volatile u64 getppid_nr = 110;

u32 events_sleeping;
u64 produced;
u64 refused;

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, struct pt_regs *regs, long nr)
{
	if (nr != getppid_nr)
		return 0;
	u64 number = __sync_fetch_and_add(&produced, 1);
	struct event_record *e = bpf_ringbuf_reserve(&events, sizeof *e, 0);
	if (!e) {
		__sync_fetch_and_add(&refused, 1);
		return 0;
	}
	e->time = bpf_ktime_get_ns();
	e->number = number;
	__builtin_memset(e->rest, 0, sizeof e->rest);
	u32 wish = *(volatile u32 *)&events_sleeping;
	bool wake = wish == 1 ||
		    (wish == 2 && bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= RING_BYTES / 8);
	if (wake)
		*(volatile u32 *)&events_sleeping = 0;
	bpf_ringbuf_submit(e, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return 0;
}
