// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs and a map that the kernel refuses, beside one that it takes. */
#include "types.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 8);
	__uint(value_size, 8);
} wrong_map SEC(".maps");

SEC("raw_tp/sys_enter")
int fine(__u64 *ctx)
{
	return ctx[0] == 1;
}

/* Follows a number as if it were a pointer. */
SEC("raw_tp/sys_enter")
int wild(__u64 *ctx)
{
	return *(int *)ctx[1];
}

SEC("tp_btf/no_such_tracepoint")
int nowhere(__u64 *ctx)
{
	return ctx[0] == 1;
}

SEC("raw_tp/no_such_tracepoint")
int unattachable(__u64 *ctx)
{
	return ctx[0] == 1;
}

char _license[] SEC("license") = "Dual BSD/GPL";
