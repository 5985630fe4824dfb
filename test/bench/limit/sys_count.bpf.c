/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// System calls by process and number: count and errors. sys_exit alone: pt_regs still has the number.
#include "limit.h"

struct syscall_key {
	u32 tgid, nr;
};
struct syscall_value {
	u64 count, errors;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct syscall_key);
	__type(value, struct syscall_value);
} syscalls SEC(".maps");

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	static const struct syscall_value zero;
	struct syscall_key key = {.tgid = current_tgid(), .nr = regs->orig_ax};
	struct syscall_value *v = value_of(&syscalls, &key, &zero);
	if (!v)
		return 0;
	v->count++;
	if (ret < 0)
		v->errors++;
	return 0;
}
