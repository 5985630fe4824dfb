/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The life of tasks: which group each counts for, and what the kernel counted for it. */
#include "include/maps.h"

/* Cgroups by id, the latest ones: for those that are gone before user space looks for them. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, cgroup_id_t);
	__type(value, struct cgroup_path);
} made_cgroups SEC(".maps");

/* A path in the making: too long for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct cgroup_path);
} cgroup_scratch SEC(".maps");

/* Where the agent itself is: its cgroup, that one's parent, and so on. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGROUP_DEPTH);
	__type(key, u32);
	__type(value, struct agent_cgroup);
} agent_cgroups SEC(".maps");

/* x86 traces a child's return from its parent's call; arm64 does not: only what can be nothing else is left out there. */
#if defined(__TARGET_ARCH_x86)
#define FRESH_CHILD FRESH_NEW
#else
#define FRESH_CHILD FRESH_UNSEEN
#endif

/* A new task counts for its parent's group, if they look alike. */
static __always_inline int on_newtask(struct task_struct *task)
{
	static const struct task_state zero;
	struct task_struct *parent = get_current();
	struct task_state *state = get_state(task, true), *from;
	u64 css_set = (u64)BPF_CORE_READ(task, cgroups);

	if (!state) {
		note(LEDGER_NO_STATE);
		return 0;
	}
	/* An iterator may have seen it already, and in the table it may have found what a late one left of another task. */
	*state = zero;
	state->fresh = FRESH_CHILD;
	from = get_state(parent, false);
	if (user_ranges)
		state->user = user_of(task);
	if (from && from->css_set == css_set && from->group != GROUP_EXCLUDED && !with_pid &&
	    !with_command && (!user_ranges || from->user == state->user))
		state->group = from->group;
	else
		state->group = find_group(task);
	state->css_set = css_set;
	if (with_command)
		read_command(task, state->command);
	note_change();
	return 0;
}

static __always_inline int on_change(struct task_struct *task)
{
	struct task_state *state = get_state(task, true);

	if (state)
		regroup(state, task);
	else
		note(LEDGER_NO_STATE);
	return 0;
}

/* A new program begins in a task. */
static __always_inline int on_exec(struct task_struct *task)
{
	on_change(task);
#if !defined(__TARGET_ARCH_x86)
	struct task_state *state = get_state(task, false);

	if (state)
		state->fresh = FRESH_EXEC;
#endif
	return 0;
}

/* An RCU period after its end, when the last of its run time has been counted. */
static __always_inline int on_free(struct task_struct *task)
{
	struct task_state *state = get_state(task, false);
	u64 key = (u64)task;

	if (state && state->css_set)
		credit(state, task);
	if (!use_task_storage)
		bpf_map_delete_elem(&task_table, &key);
	return 0;
}

/*
 * As a task begins to end: bytes and faults are all but final then, and what is left comes with its last switch or as it is freed.
 * Without the scheduler group nobody looks at the last switch, and not every guest runs a program as a task is freed.
 */
static __always_inline int on_end(void)
{
	struct task_struct *task = get_current();
	struct task_state *state = get_state(task, false);

	if (state && state->css_set)
		credit(state, task);
	return 0;
}

/* Without iterators: credit as a task leaves its CPU. */
static __always_inline int on_leave(struct task_struct *task)
{
	struct task_state *state;

	if (!BPF_CORE_READ(task, pid))
		return 0;
	state = get_state(task, true);
	if (!state)
		return 0;
	if (!state->css_set)
		regroup(state, task);
	else
		credit(state, task);
	return 0;
}

/* Paths of the one tree that counts. */
static __always_inline int on_mkdir(struct cgroup *cgroup, const char *path)
{
	cgroup_id_t id = BPF_CORE_READ(cgroup, kn, id);
	struct cgroup_path *made;
	u32 first = 0;

	if (!is_in_tree(cgroup))
		return 0;
	made = bpf_map_lookup_elem(&cgroup_scratch, &first);
	if (made && bpf_probe_read_kernel_str(made->path, sizeof(made->path), path) > 0)
		bpf_map_update_elem(&made_cgroups, &id, made, BPF_ANY);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_newtask_btf, struct task_struct *task)
{
	return on_newtask(task);
}

SEC("raw_tp/task_newtask")
int BPF_PROG(task_newtask_raw, struct task_struct *task)
{
	return on_newtask(task);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec_btf, struct task_struct *task)
{
	return on_exec(task);
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(process_exec_raw, struct task_struct *task)
{
	return on_exec(task);
}

SEC("tracepoint/sched/sched_process_exec")
int process_exec_tp(void *ctx)
{
	return on_exec(get_current());
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_attach_btf, struct cgroup *to, const char *path, struct task_struct *task)
{
	return on_change(task);
}

SEC("raw_tp/cgroup_attach_task")
int BPF_PROG(cgroup_attach_raw, struct cgroup *to, const char *path, struct task_struct *task)
{
	return on_change(task);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_mkdir_btf, struct cgroup *cgroup, const char *path)
{
	return on_mkdir(cgroup, path);
}

SEC("raw_tp/cgroup_mkdir")
int BPF_PROG(cgroup_mkdir_raw, struct cgroup *cgroup, const char *path)
{
	return on_mkdir(cgroup, path);
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(process_free_btf, struct task_struct *task)
{
	return on_free(task);
}

SEC("raw_tp/sched_process_free")
int BPF_PROG(process_free_raw, struct task_struct *task)
{
	return on_free(task);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_end_btf)
{
	return on_end();
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(process_end_raw)
{
	return on_end();
}

SEC("tracepoint/sched/sched_process_exit")
int process_end_tp(void *ctx)
{
	return on_end();
}

SEC("tp_btf/sched_switch")
int BPF_PROG(process_leave_btf, bool preempt, struct task_struct *prev)
{
	return on_leave(prev);
}

SEC("raw_tp/sched_switch")
int BPF_PROG(process_leave_raw, bool preempt, struct task_struct *prev)
{
	return on_leave(prev);
}

/* Memory of a process, at the one task that owns it; without CONFIG_MEMCG nobody does, and the leader stands for the process. */
static __always_inline u64 resident_pages(struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);

	if (!mm || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	if (bpf_core_field_exists(mm->owner)
		    ? BPF_CORE_READ(mm, owner) != task
		    : BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid))
		return 0;
	return get_resident_pages(mm);
}

/* One collection: credits the living, and tells which groups have any. The first one sets the baseline. */
SEC("iter/task")
int living(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct node *shared = get_node();
	struct group_totals *sum;
	struct task_state *state;

	if (!task || !shared)
		return 0;
	if (!ctx->meta->seq_num)
		shared->generation++;
	/* Nobody would remove what is made for a task after its end. */
	bool ended = BPF_CORE_READ(task, exit_state);

	state = get_state(task, !ended);
	if (!state) {
		if (!ended)
			note(LEDGER_NO_STATE);
		return 0;
	}
	if (!ended && (state->css_set != (u64)BPF_CORE_READ(task, cgroups) ||
		       (user_ranges && state->user != user_of(task)) ||
		       (with_command && command_changed(state, task))))
		regroup(state, task);
	else if (state->css_set)
		credit(state, task);
	if (state->group == GROUP_EXCLUDED)
		return 0;
	sum = get_totals(state->group);
	if (!sum)
		return 0;
	if (sum->live != shared->generation)
		sum->pages = 0;
	sum->live = shared->generation;
	if (with_memory)
		sum->pages += resident_pages(task);
	return 0;
}

/* Run once by the agent itself: leaves its process id, as the kernel knows it, in the node, and where it is. */
SEC("raw_tp/sys_enter")
int learn_agent(void *ctx)
{
	struct cgroup *cgroup = cgroup_of(get_current());
	struct node *shared = get_node();

	if (shared)
		shared->agent = bpf_get_current_pid_tgid() >> 32;
	for (u32 i = 0; i < CGROUP_DEPTH && cgroup; i++) {
		u32 place = i;
		struct agent_cgroup *known = bpf_map_lookup_elem(&agent_cgroups, &place);

		if (!known)
			break;
		known->id = BPF_CORE_READ(cgroup, kn, id);
		bpf_probe_read_kernel_str(known->name, sizeof(known->name),
					  BPF_CORE_READ(cgroup, kn, name));
		cgroup = parent_of(cgroup);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
