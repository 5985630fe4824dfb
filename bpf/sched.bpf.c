/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The wait on the run queue: from the moment a task could run to the moment it does. */
#include "include/maps.h"
#include "include/sampling.h"
#include "sched.h"

/* In place of the time since which a task waits: it does, but this time it is not measured. */
#define QUEUED_UNSAMPLED 1

/* Whether the histogram is kept for each group. */
const volatile bool wait_by_group = false;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct wait_key);
	__type(value, struct hist);
} waits SEC(".maps");

/* All waits without wait_by_group; with it what finds no room in `waits`. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct hist);
} all_waits SEC(".maps");

/*
 * No state is made here: the scheduler holds its locks, where nothing may be allocated. New tasks have theirs from their
 * first moment, the others from the first collection.
 */
static __always_inline int on_runnable(struct task_struct *task, bool runs)
{
	struct task_state *state;

	/* Woken before it had gone to sleep: it did not wait. */
	if (runs || !is_sampled())
		return 0;
	state = get_state(task, false);
	if (!state)
		note(LEDGER_NO_STATE);
	else if (!state->queued_at) /* else it waits since it was preempted */
		state->queued_at = bpf_ktime_get_ns();
	return 0;
}

static __always_inline struct hist *hist_of(struct task_state *state)
{
	static const struct hist zero;
	u32 first = 0;

	if (wait_by_group && state->group != GROUP_OTHER) {
		struct wait_key key = {.group = state->group};
		struct hist *hist = bpf_map_lookup_elem(&waits, &key);

		if (hist)
			return hist;
		bpf_map_update_elem(&waits, &key, &zero, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&waits, &key);
		if (hist)
			return hist;
		note(LEDGER_WAITS_FULL);
	}
	return bpf_map_lookup_elem(&all_waits, &first);
}

/*
 * The last switch of a task: all that the kernel counts for it is counted by now. sched_process_free comes after a grace period,
 * and not always: some guests run no program in the interrupts of tasks that they keep for themselves.
 */
static __noinline void on_last_switch(struct task_struct *prev)
{
	struct task_state *state = get_state(prev, false);

	if (state && state->css_set)
		credit(state, prev);
}

static __always_inline int on_switch(bool preempt, u64 prev_state, struct task_struct *prev,
				     u32 prev_pid, struct task_struct *next, u32 next_pid)
{
	struct task_state *state;
	struct hist *hist;
	u64 now = 0;

	if (prev_state & TASK_DEAD)
		on_last_switch(prev);
	if ((preempt || prev_state == TASK_RUNNING) && prev_pid) {
		bool sampled = is_sampled();

		state = get_state(prev, false);
		if (sampled)
			now = bpf_ktime_get_ns();
		if (state)
			state->queued_at = sampled ? now : QUEUED_UNSAMPLED;
		else
			note(LEDGER_NO_STATE);
	}
	if (!next_pid)
		return 0;
	state = get_state(next, false);
	if (!state || !state->queued_at)
		return 0;
	u64 queued_at = state->queued_at;
	state->queued_at = 0;
	if (queued_at == QUEUED_UNSAMPLED)
		return 0;
	if (!now)
		now = bpf_ktime_get_ns();
	if (!state->css_set && wait_by_group)
		regroup(state, next);
	if (state->group == GROUP_EXCLUDED)
		return 0;
	hist = hist_of(state);
	if (hist)
		hist_add_sampled(hist, now > queued_at ? now - queued_at : 0);
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup_btf, struct task_struct *task)
{
	return on_runnable(task, has_on_cpu() && task->on_cpu);
}

SEC("raw_tp/sched_wakeup")
int BPF_PROG(sched_wakeup_raw, struct task_struct *task)
{
	return on_runnable(task, has_on_cpu() && BPF_CORE_READ(task, on_cpu));
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new_btf, struct task_struct *task)
{
	return on_runnable(task, false);
}

SEC("raw_tp/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new_raw, struct task_struct *task)
{
	return on_runnable(task, false);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_btf, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(preempt, typed_task_state(prev), prev, prev->pid, next, next->pid);
}

SEC("raw_tp/sched_switch")
int BPF_PROG(sched_switch_raw, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(preempt, get_task_state(prev), prev, BPF_CORE_READ(prev, pid), next,
			 BPF_CORE_READ(next, pid));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
