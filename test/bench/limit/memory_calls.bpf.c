/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// Calls of mmap and brk that worked, by process (x86-64); every other call passes through here too.
#include "limit.h"

#define MMAP 9
#define BRK  12

struct key {
	u32 tgid, nr;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct key);
	__type(value, u64);
} calls SEC(".maps");

SEC("tp_btf/sys_exit")
int BPF_PROG(memory_calls, struct pt_regs *regs, long result)
{
	static const u64 zero;
	u32 nr = regs->orig_ax;
	struct key key = {.nr = nr};
	u64 *count;

	if ((nr != MMAP && nr != BRK) || result < 0)
		return 0;
	key.tgid = current_tgid();
	count = value_of(&calls, &key, &zero);
	if (count)
		(*count)++;
	return 0;
}
