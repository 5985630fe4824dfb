/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Processes whose resident memory passes a threshold, told once; and anew when it has been below nine tenths of it between. They
 * are looked at one after the other, each second: the kernel's trace event would run for every page.
 */
#ifndef BPFLOW_EVENTS_MEMORY_H
#define BPFLOW_EVENTS_MEMORY_H

#include "../include/event-stack.h"

/* Pages; never 0 where the program is loaded. */
const volatile u64 memory_threshold = 0;

struct process_birth {
	u64 start_time;
	u32 pid;
	u32 reserved;
};

/* Processes that are above. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct process_birth);
	__type(value, u32);
} large_processes SEC(".maps");

SEC("iter/task")
int event_memory(struct bpf_iter__task *ctx)
{
	struct {
		struct event_header header;
		struct memory_body body;
	} scratch, *event;
	struct task_struct *task = ctx->task;
	struct process_birth birth = {};
	struct event_count *count;
	struct mm_struct *mm;
	u32 told = 1;
	group_t group;
	u64 pages;
	ns_t now;

	/* What a process uses is with each of its threads: one that leads may have ended before the others, too. */
	if (!task || task->flags & PF_KTHREAD)
		return 0;
	mm = task->mm;
	if (!mm)
		return 0;
	pages = get_resident_pages(mm);
	birth.pid = task->tgid;
	birth.start_time = BPF_CORE_READ(task, group_leader, start_time);
	if (pages < memory_threshold) {
		if (pages < memory_threshold - memory_threshold / 10)
			bpf_map_delete_elem(&large_processes, &birth);
		return 0;
	}
	if (bpf_map_update_elem(&large_processes, &birth, &told, BPF_NOEXIST))
		return 0;
	group = group_of(task);
	count = offer(EVENT_MEMORY, group, sizeof(*event));
	if (!count)
		return 0;
	now = bpf_ktime_get_ns();
	event = reserve_event(&scratch, sizeof(*event));
	if (!event) {
		count->full++;
		return 0;
	}
	describe_event(&event->header, EVENT_MEMORY, now);
	describe_owner(&event->header, task, group);
	event->body.pages = pages;
	event->body.threshold = memory_threshold;
	submit_event(ctx, count, event, sizeof(*event));
	return 0;
}

#endif
