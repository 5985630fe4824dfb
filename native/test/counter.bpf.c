// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counts calls of one system call by one process, in all the places that user space can read. */
#include "types.h"

const volatile __u32 only_tgid;
const volatile __u64 only_nr;

__u64 seen;
__u32 level = 7;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

SEC("tp_btf/sys_enter")
int count(__u64 *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 one = 1, *value;

	if (tgid != only_tgid || ctx[1] != only_nr)
		return 0;
	__sync_fetch_and_add(&seen, 1);
	value = bpf_map_lookup_elem(&calls, &tgid);
	if (value)
		*value += 1;
	else
		bpf_map_update_elem(&calls, &tgid, &one, BPF_NOEXIST);
	return 0;
}

SEC("tracepoint/raw_syscalls/sys_enter")
int count_classic(void *ctx)
{
	(void)ctx;
	if (bpf_get_current_pid_tgid() >> 32 == only_tgid)
		__sync_fetch_and_add(&seen, 1);
	return 0;
}

SEC("raw_tp/sys_enter")
int read_level(__u64 *ctx)
{
	(void)ctx;
	return level;
}

char _license[] SEC("license") = "Dual BSD/GPL";
