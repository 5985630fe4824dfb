/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// As sched_cpu, and the time on the run queue with its histogram. Wake-up time in task storage.
#include "limit.h"

struct sched_value {
	u64 switches, cpu_ns, wait_ns, waits;
	u32 histogram[BUCKETS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct sched_value);
} by_tgid SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} last_switch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} queued SEC(".maps");

static __always_inline void mark(struct task_struct *task, u64 now)
{
	u64 *at = bpf_task_storage_get(&queued, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (at)
		*at = now;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup, struct task_struct *task)
{
	mark(task, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new, struct task_struct *task)
{
	mark(task, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	static const struct sched_value zero;
	u32 first = 0, tgid = prev->tgid;
	u64 now = bpf_ktime_get_ns();
	u64 *last = bpf_map_lookup_elem(&last_switch, &first);
	if (!last)
		return 0;
	u64 ran = *last ? now - *last : 0;
	*last = now;
	if (prev->pid) {
		struct sched_value *v = value_of(&by_tgid, &tgid, &zero);
		if (v) {
			v->switches++;
			v->cpu_ns += ran;
		}
		if (prev->__state == 0) // still runnable: it waits again from now on
			mark(prev, now);
	}
	if (!next->pid)
		return 0;
	u64 *at = bpf_task_storage_get(&queued, next, 0, 0);
	if (!at || !*at)
		return 0;
	u64 wait = now > *at ? now - *at : 0;
	*at = 0;
	tgid = next->tgid;
	struct sched_value *v = value_of(&by_tgid, &tgid, &zero);
	if (!v)
		return 0;
	v->waits++;
	v->wait_ns += wait;
	u32 bucket = log2_bucket(wait);
	if (bucket < BUCKETS)
		v->histogram[bucket]++;
	return 0;
}
