/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls that change what a process may do or see: its users, groups and capabilities, its namespaces. What it was is noted as
 * such a call begins, and compared as it ends: a call that changed nothing tells nothing. Trace events of single calls: no
 * program runs for the others.
 */
#ifndef BPFLOW_EVENTS_IDENTITY_H
#define BPFLOW_EVENTS_IDENTITY_H

#include "../include/event-stack.h"

struct identity {
	u32 ids[CREDENTIAL_IDS];
	u64 permitted;
	u64 effective;
	u32 namespaces[NAMESPACES];
};

/* By address of the task that is in such a call. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, struct identity);
} identities SEC(".maps");

static __always_inline void read_credentials(struct task_struct *task, u32 *ids, u64 *permitted,
					     u64 *effective)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);

	ids[USER_REAL] = BPF_CORE_READ(cred, uid.val);
	ids[USER_EFFECTIVE] = BPF_CORE_READ(cred, euid.val);
	ids[USER_SAVED] = BPF_CORE_READ(cred, suid.val);
	ids[USER_FILE] = BPF_CORE_READ(cred, fsuid.val);
	ids[GROUP_REAL] = BPF_CORE_READ(cred, gid.val);
	ids[GROUP_EFFECTIVE] = BPF_CORE_READ(cred, egid.val);
	ids[GROUP_SAVED] = BPF_CORE_READ(cred, sgid.val);
	ids[GROUP_FILE] = BPF_CORE_READ(cred, fsgid.val);
	/* Two words before 6.3, one number since: the same bytes. */
	bpf_core_read(permitted, sizeof(*permitted), &cred->cap_permitted);
	bpf_core_read(effective, sizeof(*effective), &cred->cap_effective);
}

static __always_inline void read_namespaces(struct task_struct *task, u32 *inodes)
{
	struct nsproxy *proxy = BPF_CORE_READ(task, nsproxy);

	inodes[NAMESPACE_CGROUP] = BPF_CORE_READ(proxy, cgroup_ns, ns.inum);
	inodes[NAMESPACE_IPC] = BPF_CORE_READ(proxy, ipc_ns, ns.inum);
	inodes[NAMESPACE_MOUNT] = BPF_CORE_READ(proxy, mnt_ns, ns.inum);
	inodes[NAMESPACE_NETWORK] = BPF_CORE_READ(proxy, net_ns, ns.inum);
	inodes[NAMESPACE_PID] = BPF_CORE_READ(proxy, pid_ns_for_children, ns.inum);
	inodes[NAMESPACE_TIME] = BPF_CORE_READ(proxy, time_ns_for_children, ns.inum);
	inodes[NAMESPACE_USER] = BPF_CORE_READ(task, cred, user_ns, ns.inum);
	inodes[NAMESPACE_UTS] = BPF_CORE_READ(proxy, uts_ns, ns.inum);
}

static __always_inline int on_identity_enter(void)
{
	struct task_struct *task = get_current();
	struct identity before = {};
	u64 key = (u64)task;

	read_credentials(task, before.ids, &before.permitted, &before.effective);
	read_namespaces(task, before.namespaces);
	bpf_map_update_elem(&identities, &key, &before, BPF_ANY);
	return 0;
}

static __always_inline void compare_namespaces(void *ctx, struct task_struct *task, group_t group,
					       const u32 *before, u32 step)
{
	struct {
		struct event_header header;
		struct namespace_body body;
	} scratch, *event;
	u32 after[NAMESPACES] = {}, changed = 0;
	struct event_count *count;
	ns_t now;

	read_namespaces(task, after);
	for (u32 i = 0; i < NAMESPACES; i++)
		changed |= before[i] != after[i];
	if (!changed)
		return;
	count = offer(EVENT_NAMESPACE, group, sizeof(*event));
	if (!count)
		return;
	now = bpf_ktime_get_ns();
	tell_stack(ctx, EVENT_NAMESPACE, BPF_CORE_READ(task, pid), group, now);
	event = reserve_event(&scratch, sizeof(*event));
	if (!event) {
		count->full++;
		return;
	}
	describe_event(&event->header, EVENT_NAMESPACE, now);
	describe_owner(&event->header, task, group);
	__builtin_memcpy(event->body.before, before, sizeof(event->body.before));
	__builtin_memcpy(event->body.after, after, sizeof(event->body.after));
	event->body.step = step;
	event->body.reserved = 0;
	submit_event(ctx, count, event, sizeof(*event));
}

static __always_inline void compare_privileges(void *ctx, struct task_struct *task, group_t group,
					       const struct identity *before, u32 syscall)
{
	struct {
		struct event_header header;
		struct privilege_body body;
	} scratch, *event;
	struct identity after = {};
	struct event_count *count;
	bool changed;
	ns_t now;

	read_credentials(task, after.ids, &after.permitted, &after.effective);
	changed = before->permitted != after.permitted || before->effective != after.effective;
	for (u32 i = 0; i < CREDENTIAL_IDS; i++)
		changed |= before->ids[i] != after.ids[i];
	if (!changed)
		return;
	count = offer(EVENT_PRIVILEGE, group, sizeof(*event));
	if (!count)
		return;
	now = bpf_ktime_get_ns();
	tell_stack(ctx, EVENT_PRIVILEGE, BPF_CORE_READ(task, pid), group, now);
	event = reserve_event(&scratch, sizeof(*event));
	if (!event) {
		count->full++;
		return;
	}
	describe_event(&event->header, EVENT_PRIVILEGE, now);
	describe_owner(&event->header, task, group);
	__builtin_memcpy(event->body.ids_before, before->ids, sizeof(before->ids));
	__builtin_memcpy(event->body.ids_after, after.ids, sizeof(after.ids));
	event->body.permitted_before = before->permitted;
	event->body.permitted_after = after.permitted;
	event->body.effective_before = before->effective;
	event->body.effective_after = after.effective;
	event->body.syscall = syscall;
	event->body.reserved = 0;
	submit_event(ctx, count, event, sizeof(*event));
}

/*
 * These two are not inlined: the look for a group would find no room on their stack (5.10). The result is 0, unknown to the
 * compiler: else what a register holds by chance would be it, and an address on the stack is refused there.
 */
static __noinline int tell_namespaces(void *ctx, struct task_struct *task, group_t group,
				      const u32 *before, u32 step)
{
	int result = 0;

	compare_namespaces(ctx, task, group, before, step);
	barrier_var(result);
	return result;
}

static __noinline int tell_privileges(void *ctx, struct task_struct *task, group_t group,
				      const struct identity *before, u32 syscall)
{
	int result = 0;

	compare_privileges(ctx, task, group, before, syscall);
	barrier_var(result);
	return result;
}

/* `step`: what a call does to namespaces; NAMESPACE_STEPS for one that changes what a process may do. */
static __always_inline int on_identity_exit(struct sys_exit_record *record, u32 step)
{
	struct task_struct *task = get_current();
	struct identity *found, before;
	u64 key = (u64)task;

	found = bpf_map_lookup_elem(&identities, &key);
	if (!found)
		return 0;
	before = *found;
	bpf_map_delete_elem(&identities, &key);
	if (record->result < 0)
		return 0;
	if (step == NAMESPACE_STEPS)
		return tell_privileges(record, task, group_of_current(), &before, record->nr);
	return tell_namespaces(record, task, group_of_current(), before.namespaces, step);
}

/* A call that makes a process with namespaces of its own. */
static __always_inline int on_namespace_fork(void *ctx, struct task_struct *parent,
					     struct task_struct *child)
{
	u32 before[NAMESPACES] = {};

	if (BPF_CORE_READ(parent, nsproxy) == BPF_CORE_READ(child, nsproxy) &&
	    BPF_CORE_READ(parent, cred, user_ns) == BPF_CORE_READ(child, cred, user_ns))
		return 0;
	read_namespaces(parent, before);
	return tell_namespaces(ctx, child, group_of(child), before, NAMESPACE_CLONE);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(event_namespace_fork_btf, struct task_struct *parent, struct task_struct *child)
{
	return on_namespace_fork(ctx, parent, child);
}

SEC("raw_tp/sched_process_fork")
int BPF_PROG(event_namespace_fork_raw, struct task_struct *parent, struct task_struct *child)
{
	return on_namespace_fork(ctx, parent, child);
}

#define CALL(name, step)                                             \
	SEC("tracepoint/syscalls/sys_enter_" #name)                  \
	int event_enter_##name##_call(void *ctx)                     \
	{                                                            \
		return on_identity_enter();                          \
	}                                                            \
	SEC("tracepoint/syscalls/sys_exit_" #name)                   \
	int event_exit_##name##_call(struct sys_exit_record *record) \
	{                                                            \
		return on_identity_exit(record, step);               \
	}

CALL(setns, NAMESPACE_SETNS)
CALL(unshare, NAMESPACE_UNSHARE)
CALL(setuid, NAMESPACE_STEPS)
CALL(setgid, NAMESPACE_STEPS)
CALL(setreuid, NAMESPACE_STEPS)
CALL(setregid, NAMESPACE_STEPS)
CALL(setresuid, NAMESPACE_STEPS)
CALL(setresgid, NAMESPACE_STEPS)
CALL(setfsuid, NAMESPACE_STEPS)
CALL(setfsgid, NAMESPACE_STEPS)
CALL(capset, NAMESPACE_STEPS)
CALL(execve, NAMESPACE_STEPS)
CALL(execveat, NAMESPACE_STEPS)

#endif
