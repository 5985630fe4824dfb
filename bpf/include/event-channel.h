/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One channel for all kinds of events: what is offered is counted, filtered, limited, and handed over. */
#ifndef BPFLOW_EVENT_CHANNEL_H
#define BPFLOW_EVENT_CHANNEL_H

#include "../events.h"
#include "maps.h"
#include "sampling.h"

/* Events of one kind in a second at most. */
const volatile u64 events_per_second = 10000;
/* Of the ring. */
const volatile u64 ring_bytes = 65536;
/* Events go through one ring (5.8), else through a buffer of each CPU. The map of the other way is not created. */
const volatile bool use_ring = true;

/* Bits of the kinds of which some may stand for all. */
const volatile u64 sampled_kinds = 0;

#define SECOND_NS	    1000000000ull
#define RECORD_HEADER_BYTES 8
/* The reader is woken even if it looks by itself soon, when so much of the ring waits for it. */
#define WAKE_SHARE 8

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
	u64 tick; /* in which the clock was looked at */
	ns_t since;
	count_t used;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EVENT_KINDS);
	__type(key, u32);
	__type(value, struct event_window);
} event_windows SEC(".maps");

/*
 * Groups whose events user space would throw away: each at the rest of its division by the number of places, as group + 1. Of two
 * at the same place one is told in vain. A hash costs 35 ns more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EVENT_REFUSED_GROUPS);
	__type(key, u32);
	__type(value, u32);
} refused_groups SEC(".maps");

static __always_inline bool is_refused(group_t group)
{
	u32 place = group % EVENT_REFUSED_GROUPS;
	u32 *refused = bpf_map_lookup_elem(&refused_groups, &place);

	return group == GROUP_EXCLUDED || (refused && *refused == group + 1);
}

/* What changes so often that a second may end with it: the tick of the timer, where that can be had (5.6). */
static __always_inline u64 get_tick(void)
{
	return has_helper(jiffies64) ? bpf_jiffies64() : bpf_ktime_get_ns();
}

/*
 * CPUs that meet here may let a few more pass; who is over the limit writes nothing that others read, and looks at no clock: that
 * costs as much as the rest.
 */
static __always_inline bool is_over_limit(u32 kind)
{
	struct event_window *window = bpf_map_lookup_elem(&event_windows, &kind);
	u64 tick = get_tick();
	ns_t now, since;

	if (!window)
		return false;
	if (*(volatile u64 *)&window->tick != tick) {
		window->tick = tick;
		now = bpf_ktime_get_ns();
		since = *(volatile ns_t *)&window->since;
		if (now >= since && now - since >= SECOND_NS) {
			window->since = now;
			window->used = 0;
		}
	}
	if (*(volatile count_t *)&window->used >= events_per_second)
		return true;
	__sync_fetch_and_add(&window->used, 1);
	return false;
}

/* Who asks for room in vain takes the lock that those who write need. */
static __always_inline bool is_full(u32 size)
{
	return use_ring &&
	       bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) + RECORD_HEADER_BYTES + size >
		       ring_bytes - 1;
}

/*
 * Counts an event that happened, before anything of it is read: its record has so many bytes at least. NULL if nobody wants it, else
 * where a failed hand-over is to be counted. Some programs may be interrupted by themselves.
 */
static __always_inline struct event_count *offer(u32 kind, group_t group, u32 size)
{
	struct event_count *count = bpf_map_lookup_elem(&event_counts, &kind);

	if (!count)
		return NULL;
	__sync_fetch_and_add(&count->offered, 1);
	if (is_refused(group)) {
		__sync_fetch_and_add(&count->excluded, 1);
		return NULL;
	}
	if ((sampled_kinds >> kind & 1) && !is_sampled()) {
		__sync_fetch_and_add(&count->sampled_out, 1);
		return NULL;
	}
	if (is_full(size)) {
		__sync_fetch_and_add(&count->full, 1);
		return NULL;
	}
	if (is_over_limit(kind)) {
		__sync_fetch_and_add(&count->limited, 1);
		return NULL;
	}
	return count;
}

/* To be asked between the reservation of a record and its end. */
static __always_inline bool is_wake_wanted(void)
{
	u32 wish = *(volatile u32 *)&events_sleeping;

	return wish == READER_ASLEEP ||
	       (wish == READER_NAPPING &&
		bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= ring_bytes / WAKE_SHARE);
}

/*
 * Hands over a record that lies elsewhere than in the ring. `context` is the program's. The reader's wish stays: it is not known
 * yet whether there is room, and who finds none wakes nobody.
 */
static __always_inline void write_event(void *context, struct event_count *count, void *event,
					u32 size)
{
	u64 flags = BPF_RB_NO_WAKEUP;
	long error;

	if (use_ring) {
		if (is_wake_wanted())
			flags = BPF_RB_FORCE_WAKEUP;
		error = bpf_ringbuf_output(&events, event, size, flags) ? -ENOSPC : 0;
	} else {
		error = bpf_perf_event_output(context, &event_buffers, BPF_F_CURRENT_CPU, event,
					      size);
	}
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

/*
 * Hands over what was reserved. Who wakes the reader takes its wish back: a wake-up is an interrupt, and the reader may need long
 * until it runs.
 */
static __always_inline void submit_event(void *context, struct event_count *count, void *event,
					 u32 size)
{
	u64 flags = BPF_RB_NO_WAKEUP;

	if (!use_ring) {
		write_event(context, count, event, size);
		return;
	}
	if (is_wake_wanted()) {
		*(volatile u32 *)&events_sleeping = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(event, flags);
}

static __always_inline void copy_typed_command(char *command, struct task_struct *task)
{
	const u64 *from = (const u64 *)task->comm;

	((u64 *)command)[0] = from[0];
	((u64 *)command)[1] = from[1];
}

/* Of a task that the verifier knows as one: plain loads, which cost a tenth. */
static __always_inline void describe_typed_owner(struct event_header *header,
						 struct task_struct *task, group_t group)
{
	header->cgroup =
		cgroup_v1_controller ? cgroup_id_of(task) : task->cgroups->dfl_cgrp->kn->id;
	header->group = group;
	header->pid = task->tgid;
	header->tid = task->pid;
	header->parent = task->real_parent->tgid;
	header->user = task->cred->euid.val;
	header->user_group = task->cred->egid.val;
	copy_typed_command(header->command, task);
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
