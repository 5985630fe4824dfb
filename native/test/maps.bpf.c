// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One map of each type that user space reads. */
#include "types.h"

struct pair {
	__u32 a;
	__u32 unused;
	__u64 b;
};

struct lpm_key {
	__u32 prefix;
	__u32 address;
};

#define MAP(name, kind, n, k, v)                   \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, n);            \
		__type(key, k);                    \
		__type(value, v);                  \
	} name SEC(".maps")

MAP(hash, HASH, 1000, struct pair, __u32);
MAP(lru_hash, LRU_HASH, 1024, __u32, __u64);
MAP(percpu_hash, PERCPU_HASH, 1000, __u32, __u32);
MAP(lru_percpu_hash, LRU_PERCPU_HASH, 1024, __u32, struct pair);
MAP(array, ARRAY, 100, __u32, __u16);
MAP(percpu_array, PERCPU_ARRAY, 10, __u32, struct pair);
MAP(left_out, HASH, 1, __u32, __u32);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 100);
	__type(key, struct lpm_key);
	__type(value, __u32);
} lpm_trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} task_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ringbuf SEC(".maps");

const volatile __u32 churn_tgid;
const volatile __u64 churn_nr;

__u32 churned;

/* Deletes one of 100 keys and adds it again, at each call of one system call. */
SEC("tp_btf/sys_enter")
int churn(__u64 *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, value;
	struct pair key = {};

	if (tgid != churn_tgid || ctx[1] != churn_nr)
		return 0;
	value = churned++ % 100;
	key.a = value;
	bpf_map_delete_elem(&hash, &key);
	bpf_map_update_elem(&hash, &key, &value, BPF_ANY);
	return 0;
}

/* Adds one to this CPU's slot of key 0. */
SEC("raw_tp/sys_enter")
int touch(__u64 *ctx)
{
	__u32 key = 0, *value = bpf_map_lookup_elem(&percpu_hash, &key);

	(void)ctx;
	if (value)
		*value += 1;
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
