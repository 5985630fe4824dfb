/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One channel for all kinds of events: what is offered is counted, filtered, limited, and handed over. */
#ifndef BPFLOW_EVENT_CHANNEL_H
#define BPFLOW_EVENT_CHANNEL_H

#include "../events.h"
#include "maps.h"
#include "sampling.h"

/* Events of one kind in a second at most. */
const volatile u64 events_per_second = 10000;
/* The reader is woken even if it looks by itself soon, when so much waits for it. */
const volatile u64 wake_bytes = 8192;
/* Events go through one ring (5.8), else through a buffer of each CPU. The map of the other way is not created. */
const volatile bool use_ring = true;

/* Bits of the kinds of which some may stand for all. */
const volatile u64 sampled_kinds = 0;

#define SECOND_NS 1000000000ull

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, u32);
	__type(value, u32);
} event_buffers SEC(".maps");

/* Whether the reader waits to be woken: at once, or when much waits for it. */
#define READER_ASLEEP  1
#define READER_NAPPING 2
u32 events_sleeping;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_KINDS);
	__type(key, u32);
	__type(value, struct event_count);
} event_counts SEC(".maps");

/* The second that runs, and how many it has had. */
struct event_window {
	ns_t since;
	count_t used;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EVENT_KINDS);
	__type(key, u32);
	__type(value, struct event_window);
} event_windows SEC(".maps");

/* Groups whose events user space would throw away. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, group_t);
	__type(value, u32);
} refused_groups SEC(".maps");

/* CPUs that meet here may let a few more pass; who is over the limit writes nothing that others read. */
static __always_inline bool is_over_limit(u32 kind, ns_t now)
{
	struct event_window *window = bpf_map_lookup_elem(&event_windows, &kind);
	ns_t since;

	if (!window)
		return false;
	since = *(volatile ns_t *)&window->since;
	if (now >= since && now - since >= SECOND_NS) {
		window->since = now;
		window->used = 0;
	}
	if (*(volatile count_t *)&window->used >= events_per_second)
		return true;
	__sync_fetch_and_add(&window->used, 1);
	return false;
}

/*
 * Counts an event that happened. NULL if nobody wants it, else where a failed hand-over is to be counted. Some programs may be
 * interrupted by themselves.
 */
static __always_inline struct event_count *offer(u32 kind, group_t group, ns_t now)
{
	struct event_count *count = bpf_map_lookup_elem(&event_counts, &kind);

	if (!count)
		return NULL;
	__sync_fetch_and_add(&count->offered, 1);
	if (group == GROUP_EXCLUDED || bpf_map_lookup_elem(&refused_groups, &group)) {
		__sync_fetch_and_add(&count->excluded, 1);
		return NULL;
	}
	if ((sampled_kinds >> kind & 1) && !is_sampled()) {
		__sync_fetch_and_add(&count->sampled_out, 1);
		return NULL;
	}
	if (is_over_limit(kind, now)) {
		__sync_fetch_and_add(&count->limited, 1);
		return NULL;
	}
	return count;
}

/*
 * Between the reservation of a record and its end. Who wakes the reader takes its wish back: a wake-up is an interrupt, and the
 * reader may need long until it runs.
 */
static __always_inline u64 wake_flags(void)
{
	u32 wish = *(volatile u32 *)&events_sleeping;

	if (!wish || (wish == READER_NAPPING &&
		      bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < wake_bytes))
		return BPF_RB_NO_WAKEUP;
	*(volatile u32 *)&events_sleeping = 0;
	return BPF_RB_FORCE_WAKEUP;
}

/* Hands over a record that lies elsewhere than in the ring. `context` is the program's. */
static __always_inline void write_event(void *context, struct event_count *count, void *event,
					u32 size)
{
	long error;

	if (use_ring)
		error = bpf_ringbuf_output(&events, event, size, wake_flags()) ? -ENOSPC : 0;
	else
		error = bpf_perf_event_output(context, &event_buffers, BPF_F_CURRENT_CPU, event,
					      size);
	if (error == -ENOSPC)
		__sync_fetch_and_add(&count->full, 1);
	else if (error)
		__sync_fetch_and_add(&count->unserved, 1);
}

/*
 * Room for a record in the ring, else `scratch`, which must be as large. NULL when the ring is full; who asked counts that, since
 * older verifiers (5.10) do not know at a second look what the first one found.
 */
static __always_inline void *reserve_event(void *scratch, u32 size)
{
	void *event = scratch;

	if (use_ring)
		event = bpf_ringbuf_reserve(&events, size, 0);
	else
		__builtin_memset(scratch, 0, size);
	/* Else the compiler reckons with the pointer before it is looked at. */
	barrier_var(event);
	return event;
}

/* Hands over what was reserved. */
static __always_inline void submit_event(void *context, struct event_count *count, void *event,
					 u32 size)
{
	if (use_ring)
		bpf_ringbuf_submit(event, wake_flags());
	else
		write_event(context, count, event, size);
}

static __always_inline void describe_owner(struct event_header *header, struct task_struct *task,
					   group_t group)
{
	header->cgroup = cgroup_id_of(task);
	header->group = group;
	header->pid = BPF_CORE_READ(task, tgid);
	header->tid = BPF_CORE_READ(task, pid);
	header->parent = BPF_CORE_READ(task, real_parent, tgid);
	header->user = BPF_CORE_READ(task, cred, euid.val);
	header->user_group = BPF_CORE_READ(task, cred, egid.val);
	bpf_core_read_str(header->command, sizeof(comm_t), &task->comm);
}

static __always_inline void describe_event(struct event_header *header, u32 kind, ns_t now)
{
	header->time = now;
	header->kind = kind;
	header->cpu = bpf_get_smp_processor_id();
}

/* Of a task that is not the current one, or where nothing may be made. */
static __always_inline group_t group_of(struct task_struct *task)
{
	struct task_state *state = get_state(task, false);

	return state && state->css_set ? state->group : GROUP_OTHER;
}

static __always_inline group_t group_of_current(void)
{
	struct task_struct *current = get_current();
	struct task_state *state = get_state(current, true);

	if (!state) {
		note(LEDGER_NO_STATE);
		return GROUP_OTHER;
	}
	refresh(state, current);
	return state->group;
}

#endif
