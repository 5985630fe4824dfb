/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who called what, on request, as a record of its own before that of the event: user space puts the two together by the time and
 * the thread. Frames of the process are told by the build id of their file and the place in it, which stay true when it has ended.
 */
#ifndef BPFLOW_EVENT_STACK_H
#define BPFLOW_EVENT_STACK_H

#include "event-channel.h"

/* Bits of the kinds whose stacks are asked for. */
const volatile u64 stack_kinds = 0;
/* Frames of the kernel, and of the process. */
const volatile u32 stack_depth = 20;

struct stack_record {
	struct event_header header;
	struct stack_body body;
	char data[EVENT_STACK_DEPTH * (sizeof(u64) + sizeof(struct stack_frame))];
};

/* One for each kind: programs may interrupt each other, but no kind comes twice on a CPU at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_KINDS);
	__type(key, u32);
	__type(value, struct stack_record);
} stack_records SEC(".maps");

static __noinline int write_stack(void *ctx, struct stack_record *event)
{
	u32 depth = stack_depth, size;
	long kernel, user;

	if (!event)
		return 0;
	if (depth > EVENT_STACK_DEPTH)
		depth = EVENT_STACK_DEPTH;
	kernel = bpf_get_stack(ctx, event->data, depth * sizeof(u64), 0);
	if (kernel < 0 || kernel > (long)(EVENT_STACK_DEPTH * sizeof(u64)))
		kernel = 0;
	user = bpf_get_stack(ctx, event->data + kernel, depth * sizeof(struct stack_frame),
			     BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
	if (user < 0 || user > (long)(EVENT_STACK_DEPTH * sizeof(struct stack_frame)))
		user = 0;
	event->body.kernel_bytes = kernel;
	event->body.user_bytes = user;
	size = offsetof(struct stack_record, data) + kernel + user;
	return size <= sizeof(*event) ? size : 0;
}

/* The stack of the current task, for an event of this kind, time and thread; `group`: whose event it is. */
static __always_inline void tell_stack(void *ctx, u32 kind, u32 tid, group_t group, ns_t now)
{
	struct event_count *count;
	struct stack_record *event;
	u32 size;

	if (!(stack_kinds >> kind & 1))
		return;
	count = offer(EVENT_STACK, group, offsetof(struct stack_record, data));
	event = bpf_map_lookup_elem(&stack_records, &kind);
	if (!count || !event)
		return;
	describe_event(&event->header, EVENT_STACK, now);
	event->header.group = group;
	event->header.pid = bpf_get_current_pid_tgid() >> 32;
	event->header.tid = tid;
	event->body.of = kind;
	event->body.reserved = 0;
	size = write_stack(ctx, event);
	if (size > sizeof(*event))
		size = sizeof(*event);
	write_event(ctx, count, event, size);
}

#endif
