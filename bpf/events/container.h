/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cgroups of the v2 tree that are made, are entered by a program for the first time, and are removed. */
#ifndef BPFLOW_EVENTS_CONTAINER_H
#define BPFLOW_EVENTS_CONTAINER_H

#include "../include/event-channel.h"

struct cgroup_record {
	struct event_header header;
	struct cgroup_body body;
	char path[EVENT_CGROUP_PATH_LENGTH];
};

/* One for each program: they may interrupt each other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct cgroup_record);
} cgroup_records SEC(".maps");

/* Made since the start, and nothing was executed in it yet. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, cgroup_id_t);
	__type(value, u32);
} young_cgroups SEC(".maps");

static __always_inline group_t container_group(struct cgroup *cgroup)
{
	struct node *shared = get_node();

	return shared && !is_in_scope(shared, cgroup) ? GROUP_EXCLUDED : GROUP_OTHER;
}

static __always_inline int on_cgroup(void *ctx, struct cgroup *cgroup, const char *path, u32 kind)
{
	u32 scratch = kind == EVENT_CGROUP_MAKE, size;
	struct task_struct *current = get_current();
	cgroup_id_t id = BPF_CORE_READ(cgroup, kn, id);
	struct cgroup_record *event;
	struct event_count *count;
	group_t group;
	long length;
	ns_t now;

	if (!is_in_tree(cgroup))
		return 0;
	if (kind == EVENT_CGROUP_MAKE)
		bpf_map_update_elem(&young_cgroups, &id, &scratch, BPF_ANY);
	else
		bpf_map_delete_elem(&young_cgroups, &id);
	group = group_of(current);
	/* It concerns the container, whoever manages it. */
	count = offer(kind, container_group(cgroup), offsetof(struct cgroup_record, path));
	event = bpf_map_lookup_elem(&cgroup_records, &scratch);
	if (!count || !event)
		return 0;
	now = bpf_ktime_get_ns();
	describe_event(&event->header, kind, now);
	describe_owner(&event->header, current, group);
	length = bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	size = length > 0 && length <= (long)sizeof(event->path) ? length : 0;
	event->body.cgroup = id;
	event->body.path_length = size;
	event->body.reserved = 0;
	size += offsetof(struct cgroup_record, path);
	if (size > sizeof(*event))
		return 0;
	write_event(ctx, count, event, size);
	return 0;
}

static __always_inline int on_enter(void *ctx, struct task_struct *task)
{
	cgroup_id_t id = cgroup_id_of(task);
	struct event_header scratch, *event;
	struct event_count *count;
	group_t group;
	ns_t now;

	/* Of two at the same time one deletes it. */
	if (bpf_map_delete_elem(&young_cgroups, &id))
		return 0;
	group = group_of_current();
	count = offer(EVENT_CGROUP_ENTER, container_group(cgroup_of(task)), sizeof(*event));
	if (!count)
		return 0;
	now = bpf_ktime_get_ns();
	event = reserve_event(&scratch, sizeof(*event));
	if (!event) {
		count->full++;
		return 0;
	}
	describe_event(event, EVENT_CGROUP_ENTER, now);
	describe_owner(event, task, group);
	submit_event(ctx, count, event, sizeof(*event));
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(event_cgroup_make_btf, struct cgroup *cgroup, const char *path)
{
	return on_cgroup(ctx, cgroup, path, EVENT_CGROUP_MAKE);
}

SEC("raw_tp/cgroup_mkdir")
int BPF_PROG(event_cgroup_make_raw, struct cgroup *cgroup, const char *path)
{
	return on_cgroup(ctx, cgroup, path, EVENT_CGROUP_MAKE);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(event_cgroup_remove_btf, struct cgroup *cgroup, const char *path)
{
	return on_cgroup(ctx, cgroup, path, EVENT_CGROUP_REMOVE);
}

SEC("raw_tp/cgroup_rmdir")
int BPF_PROG(event_cgroup_remove_raw, struct cgroup *cgroup, const char *path)
{
	return on_cgroup(ctx, cgroup, path, EVENT_CGROUP_REMOVE);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(event_cgroup_enter_btf, struct task_struct *task)
{
	return on_enter(ctx, task);
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(event_cgroup_enter_raw, struct task_struct *task)
{
	return on_enter(ctx, task);
}

SEC("tracepoint/sched/sched_process_exec")
int event_cgroup_enter_tp(void *ctx)
{
	return on_enter(ctx, get_current());
}

#endif
