/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// System calls by process and number: count, errors, time and its histogram. Start time in task storage.
#include "limit.h"

struct syscall_key {
	u32 tgid, nr;
};
struct syscall_value {
	u64 count, errors, ns;
	u32 histogram[BUCKETS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct syscall_key);
	__type(value, struct syscall_value);
} syscalls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} started SEC(".maps");

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter, struct pt_regs *regs, long nr)
{
	u64 *start = bpf_task_storage_get(&started, bpf_get_current_task_btf(), 0,
					  BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (start)
		*start = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	static const struct syscall_value zero;
	u64 *start = bpf_task_storage_get(&started, bpf_get_current_task_btf(), 0, 0);
	u64 ns = start ? bpf_ktime_get_ns() - *start : 0;
	struct syscall_key key = {.tgid = current_tgid(), .nr = regs->orig_ax};
	struct syscall_value *v = value_of(&syscalls, &key, &zero);
	if (!v)
		return 0;
	v->count++;
	if (ret < 0)
		v->errors++;
	if (!start) // the call began before we were attached
		return 0;
	v->ns += ns;
	u32 bucket = log2_bucket(ns);
	if (bucket < BUCKETS)
		v->histogram[bucket]++;
	return 0;
}
