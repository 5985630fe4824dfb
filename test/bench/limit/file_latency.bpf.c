/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// Reads and writes of regular files: time and its histogram by operation, opens by process. Start time in task storage.
#include "limit.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct pt_regs___arguments {
	unsigned long di;
};
struct inode {
	unsigned short i_mode;
};
struct file {
	struct inode *f_inode;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct task_struct___files {
	struct files_struct *files;
};
#pragma clang attribute pop

struct value {
	u64 ns;
	u64 histogram[BUCKETS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 3);
	__type(key, u32);
	__type(value, struct value);
} operations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u64);
} opens SEC(".maps");

#ifdef WITH_BYTES
struct moved {
	u64 by[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct moved);
} bytes SEC(".maps");
#endif

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} started SEC(".maps");

static __always_inline u32 operation_of(long nr)
{
	switch (nr) {
	case 0:
	case 17:
	case 19:
		return 1;
	case 1:
	case 18:
	case 20:
		return 2;
	case 2:
	case 257:
		return 3;
	}
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter, struct pt_regs *regs, long nr)
{
	u32 operation = operation_of(nr);
	struct task_struct *current;

	if (!operation)
		return 0;
	current = bpf_get_current_task_btf();
	if (operation != 3) {
		struct fdtable *fdt = ((struct task_struct___files *)current)->files->fdt;
		u32 fd = ((struct pt_regs___arguments *)regs)->di;
		struct file *file = 0;

		if (fd >= fdt->max_fds || bpf_probe_read_kernel(&file, 8, fdt->fd + fd) || !file)
			return 0;
		if ((BPF_CORE_READ(file, f_inode, i_mode) & 0170000) != 0100000)
			return 0;
	}
	u64 *start = bpf_task_storage_get(&started, current, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (start)
		*start = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	static const u64 zero;
	u32 operation = operation_of(regs->orig_ax), slot = operation - 1, tgid;
	u64 *start, *count;

	if (!operation)
		return 0;
	start = bpf_task_storage_get(&started, bpf_get_current_task_btf(), 0, 0);
	if (!start || !*start)
		return 0;
	u64 ns = bpf_ktime_get_ns() - *start;

	*start = 0;
#ifdef WITH_BYTES
	if (operation != 3 && ret > 0) {
		static const struct moved nothing;

		tgid = current_tgid();
		struct moved *moved = value_of(&bytes, &tgid, &nothing);

		if (moved)
			moved->by[slot & 1] += ret;
	}
#endif
	if (operation == 3) {
		tgid = current_tgid();
		count = value_of(&opens, &tgid, &zero);
		if (count)
			(*count)++;
	}
	struct value *v = bpf_map_lookup_elem(&operations, &slot);

	if (!v)
		return 0;
	v->ns += ns;
	u32 bucket = log2_bucket(ns);
	if (bucket < BUCKETS)
		v->histogram[bucket]++;
	return 0;
}
