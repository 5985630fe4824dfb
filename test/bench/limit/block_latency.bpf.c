/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// Time of requests to block devices, from the driver to completion, by disk and operation. Not by
// `request->part`, which is the partition, and of requests without I/O accounting nothing.
#include "limit.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct gendisk {
	int major, first_minor;
};
struct request_queue {
	struct gendisk *disk;
};
struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
};
#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, u64);
} started SEC(".maps");

struct place {
	u32 major, minor, operation;
};
struct histogram {
	u64 ns;
	u64 buckets[BUCKETS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 512);
	__type(key, struct place);
	__type(value, struct histogram);
} latencies SEC(".maps");

SEC("tp_btf/block_rq_issue")
int BPF_PROG(issue, struct request *request)
{
	u64 key = (u64)request, now = bpf_ktime_get_ns();

	bpf_map_update_elem(&started, &key, &now, BPF_ANY);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(complete, struct request *request)
{
	static const struct histogram zero;
	u64 key = (u64)request, *start = bpf_map_lookup_elem(&started, &key), ns;
	struct place place = {.operation = request->cmd_flags & 0xff};
	struct histogram *histogram;
	struct gendisk *disk;

	if (!start)
		return 0;
	ns = bpf_ktime_get_ns() - *start;
	bpf_map_delete_elem(&started, &key);
	disk = request->q->disk;
	place.major = disk->major;
	place.minor = disk->first_minor;
	histogram = value_of(&latencies, &place, &zero);
	if (!histogram)
		return 0;
	histogram->ns += ns;
	histogram->buckets[log2_bucket(ns) & (BUCKETS - 1)]++;
	return 0;
}
