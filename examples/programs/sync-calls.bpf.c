// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who makes the kernel write files back: a probe at a system call's function, which has another name on each architecture, for
 * kernels that have kprobes.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sync_key {
	char command[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct sync_key);
	__type(value, __u64);
} syncs SEC(".maps");

SEC("ksyscall/fsync")
int count_sync(void *context)
{
	struct sync_key key = {};
	__u64 none = 0, *count;

	bpf_get_current_comm(key.command, sizeof(key.command));
	bpf_map_update_elem(&syncs, &key, &none, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&syncs, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
