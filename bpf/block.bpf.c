/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Block I/O: from the moment a request goes to the driver to its completion, by device and operation. */
#include "include/maps.h"
#include "block.h"

#define REQ_OP_MASK 0xff

/* Requests that a driver has, by address. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, u64);
} block_started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 512);
	__type(key, struct block_key);
	__type(value, struct hist);
} block_latencies SEC(".maps");

static __always_inline int on_issue(struct request *request)
{
	u64 key = (u64)request, now = bpf_ktime_get_ns();

	/* One that the driver gave back begins anew. */
	if (bpf_map_update_elem(&block_started, &key, &now, BPF_ANY))
		note(LEDGER_BLOCK_FULL);
	return 0;
}

/* `typed`: the verifier knows the request, plain loads will do. */
static __always_inline void read_place(struct request *request, struct block_key *place, bool typed)
{
	struct gendisk *disk = typed ? typed_disk(request) : get_disk(request);

	place->major = typed ? disk->major : BPF_CORE_READ(disk, major);
	place->minor = typed ? disk->first_minor : BPF_CORE_READ(disk, first_minor);
	place->operation = typed ? request->cmd_flags : BPF_CORE_READ(request, cmd_flags);
	place->operation &= REQ_OP_MASK;
}

static __always_inline int on_complete(struct request *request, bool typed)
{
	static const struct hist zero;
	u64 key = (u64)request, *started, start, now = bpf_ktime_get_ns();
	struct block_key place;
	struct hist *hist;

	/* The first part of it to complete; or it began before we did. */
	started = bpf_map_lookup_elem(&block_started, &key);
	if (!started)
		return 0;
	start = *started;
	bpf_map_delete_elem(&block_started, &key);
	read_place(request, &place, typed);
	hist = bpf_map_lookup_elem(&block_latencies, &place);
	if (!hist) {
		bpf_map_update_elem(&block_latencies, &place, &zero, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&block_latencies, &place);
	}
	if (hist)
		hist_add(hist, now - start);
	else
		note(LEDGER_BLOCK_FULL);
	return 0;
}

/* Read in two places, and kept there: older verifiers (5.10) refuse an argument whose offset was chosen. */
static __always_inline struct request *issued_request(u64 *arguments)
{
	u64 request;

	if (has_queue_argument()) {
		request = arguments[1];
		barrier_var(request);
	} else {
		request = arguments[0];
		barrier_var(request);
	}
	return (struct request *)request;
}

SEC("tp_btf/block_rq_issue")
int block_issue_btf(u64 *arguments)
{
	return on_issue(issued_request(arguments));
}

SEC("raw_tp/block_rq_issue")
int block_issue_raw(u64 *arguments)
{
	return on_issue(issued_request(arguments));
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_complete_btf, struct request *request)
{
	return on_complete(request, true);
}

SEC("raw_tp/block_rq_complete")
int BPF_PROG(block_complete_raw, struct request *request)
{
	return on_complete(request, false);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
