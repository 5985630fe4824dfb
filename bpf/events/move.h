/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes that somebody moves to another cgroup of the v2 tree. */
#ifndef BPFLOW_EVENTS_MOVE_H
#define BPFLOW_EVENTS_MOVE_H

#include "../include/event-channel.h"

struct move_record {
	struct event_header header;
	struct move_body body;
	char path[EVENT_CGROUP_PATH_LENGTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct move_record);
} move_records SEC(".maps");

/* `task`: the leader, where a whole process is moved. */
static __always_inline int on_move(void *ctx, struct cgroup *to, const char *path,
				   struct task_struct *task)
{
	struct task_struct *mover = get_current();
	group_t group = group_of(task);
	struct event_count *count;
	struct move_record *event;
	u32 first = 0, size;
	long length;
	ns_t now;

	if (!is_in_tree(to))
		return 0;
	count = offer(EVENT_CGROUP_MOVE, group, offsetof(struct move_record, path));
	event = bpf_map_lookup_elem(&move_records, &first);
	if (!count || !event)
		return 0;
	now = bpf_ktime_get_ns();
	describe_event(&event->header, EVENT_CGROUP_MOVE, now);
	describe_owner(&event->header, task, group);
	length = bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	size = length > 0 && length <= (long)sizeof(event->path) ? length : 0;
	event->body.cgroup = BPF_CORE_READ(to, kn, id);
	event->body.path_length = size;
	event->body.mover = BPF_CORE_READ(mover, tgid);
	bpf_core_read_str(event->body.mover_command, sizeof(comm_t), &mover->comm);
	size += offsetof(struct move_record, path);
	if (size > sizeof(*event))
		return 0;
	write_event(ctx, count, event, size);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(event_cgroup_move_btf, struct cgroup *to, const char *path, struct task_struct *task)
{
	return on_move(ctx, to, path, task);
}

SEC("raw_tp/cgroup_attach_task")
int BPF_PROG(event_cgroup_move_raw, struct cgroup *to, const char *path, struct task_struct *task)
{
	return on_move(ctx, to, path, task);
}

#endif
