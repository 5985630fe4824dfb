// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How long programs wait for getaddrinfo() of their C library, by thread name. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SLOTS 27

struct lookup_key {
	char command[16];
};

struct lookup_times {
	__u64 sum_us;
	__u64 slots[SLOTS]; /* Slot k: 2^k to 2^(k+1) - 1 us; the last all above. */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, __u64);
} lookups_begun SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct lookup_key);
	__type(value, struct lookup_times);
} lookup_times SEC(".maps");

const struct lookup_times no_times;

SEC("uprobe/libc.so.6:getaddrinfo")
int lookup_begins(void *context)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&lookups_begun, &thread, &now, BPF_ANY);
	return 0;
}

static __always_inline __u32 slot_of(__u64 value)
{
	__u32 slot = 0;

	for (int i = 0; i < SLOTS - 1 && value > 1; i++) {
		value >>= 1;
		slot++;
	}
	return slot;
}

SEC("uretprobe/libc.so.6:getaddrinfo")
int lookup_ends(void *context)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 *begun = bpf_map_lookup_elem(&lookups_begun, &thread);
	struct lookup_key key = {};
	struct lookup_times *times;
	__u64 us;

	if (!begun)
		return 0;
	us = (bpf_ktime_get_ns() - *begun) / 1000;
	bpf_map_delete_elem(&lookups_begun, &thread);
	bpf_get_current_comm(key.command, sizeof(key.command));
	bpf_map_update_elem(&lookup_times, &key, &no_times, BPF_NOEXIST);
	times = bpf_map_lookup_elem(&lookup_times, &key);
	if (times) {
		__sync_fetch_and_add(&times->sum_us, us);
		__sync_fetch_and_add(&times->slots[slot_of(us)], 1);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
