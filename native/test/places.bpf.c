// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One program for each kind of place that has to be named. */
#include "types.h"

struct at_key {
	char name[6];
	__u16 number;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, struct at_key);
	__type(value, __u32);
} typed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 8);
	__uint(value_size, 8);
} untyped SEC(".maps");

__u64 received, sent, captured, called, returned;
__u32 process;

SEC("xdp")
int receive(void *ctx)
{
	(void)ctx;
	__sync_fetch_and_add(&received, 1);
	return 2; /* XDP_PASS */
}

SEC("tcx/egress")
int send(void *ctx)
{
	(void)ctx;
	__sync_fetch_and_add(&sent, 1);
	return -1; /* TCX_NEXT */
}

SEC("socket")
int capture(void *ctx)
{
	(void)ctx;
	__sync_fetch_and_add(&captured, 1);
	return 0;
}

static __always_inline int is_ours(void)
{
	return (__u32)(bpf_get_current_pid_tgid() >> 32) == process;
}

SEC("uprobe")
int call(void *ctx)
{
	(void)ctx;
	if (is_ours())
		__sync_fetch_and_add(&called, 1);
	return 0;
}

SEC("uretprobe")
int call_return(void *ctx)
{
	(void)ctx;
	if (is_ours())
		__sync_fetch_and_add(&returned, 1);
	return 0;
}

SEC("uprobe.multi")
int multi_call(void *ctx)
{
	(void)ctx;
	if (is_ours())
		__sync_fetch_and_add(&called, 1);
	return 0;
}

SEC("uretprobe.multi")
int multi_return(void *ctx)
{
	(void)ctx;
	if (is_ours())
		__sync_fetch_and_add(&returned, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
