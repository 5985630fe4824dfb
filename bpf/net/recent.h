/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a CPU remembers its last task of: the next time it is counted without looking for its state. Part of net.bpf.c. */
#ifndef BPFLOW_NET_RECENT_H
#define BPFLOW_NET_RECENT_H

/* One for each program: no other writes it. */
enum recent {
	RECENT_BEGAN, /* connected or listened */
	SOCKET_SEND,
	SOCKET_RECEIVE,
	SEND_INET,
	SEND_INET6,
	SEND_UNIX_STREAM,
	SEND_UNIX_DATAGRAM,
	SEND_UNIX_PACKET,
	SEND_UNIX_PAGE,
	SEND_UDP_PAGE,
	RECEIVE_INET,
	RECEIVE_INET6,
	RECEIVE_UNIX_STREAM,
	RECEIVE_UNIX_DATAGRAM,
	RECEIVE_UNIX_PACKET,
	RECENT_KINDS,
};

struct recent_task {
	u64 task;
	u64 css_set;
	u64 changes;
	cgroup_id_t cgroup; /* RECENT_BEGAN */
	group_t group;
	u32 user;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RECENT_KINDS);
	__type(key, u32);
	__type(value, struct recent_task);
} recent_tasks SEC(".maps");

/* The current task, as it is now. */
static __always_inline struct recent_task *recent_task(u32 what)
{
	struct recent_task *last = bpf_map_lookup_elem(&recent_tasks, &what);
	struct task_struct *current = get_current();
	struct node *shared = get_node();
	u64 changes, css_set;

	if (!last || !shared)
		return NULL;
	changes = *(volatile u64 *)&shared->changes;
	css_set = css_set_of(current);
	if (last->task == (u64)current && last->changes == changes && last->css_set == css_set &&
	    (!user_ranges || last->user == user_of_current(current)))
		return last;
	last->group = current_group();
	if (what == RECENT_BEGAN)
		last->cgroup = cgroup_id_of(current);
	last->css_set = css_set;
	last->user = user_ranges ? user_of_current(current) : 0;
	last->changes = changes;
	/* A task without state is looked for again. */
	last->task = last->group == GROUP_OTHER ? 0 : (u64)current;
	return last;
}

#endif
