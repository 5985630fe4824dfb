// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counts packets that sockets of a cgroup send. */
#include "types.h"

__u64 packets;

SEC("cgroup_skb/egress")
int count_packets(void *ctx)
{
	(void)ctx;
	__sync_fetch_and_add(&packets, 1);
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
