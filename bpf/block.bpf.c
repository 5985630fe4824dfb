/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Block I/O: from the moment a request goes to the driver to its completion, by device and operation. */
#include "include/maps.h"
#include "block.h"

#define REQ_OP_MASK 0xff

#ifdef PLAIN_ATOMICS
#define STARTED 8192
#else
#define STARTED 4096
#endif

/* Requests that a driver has, by address: those that find no place in `block_places`. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STARTED);
	__type(key, u64);
	__type(value, u64);
} block_started SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 512);
	__type(key, struct block_key);
	__type(value, struct hist);
} block_latencies SEC(".maps");

static __always_inline void remember_in_table(u64 request, u64 now)
{
	/* One that the driver gave back begins anew. */
	if (bpf_map_update_elem(&block_started, &request, &now, BPF_ANY))
		note(LEDGER_BLOCK_FULL);
}

static __always_inline u64 take_from_table(u64 request)
{
	u64 *found = bpf_map_lookup_elem(&block_started, &request), start;

	if (!found)
		return 0;
	start = *found;
	bpf_map_delete_elem(&block_started, &request);
	return start;
}

#ifdef PLAIN_ATOMICS
static __always_inline void remember(u64 request, u64 now)
{
	remember_in_table(request, now);
}

static __always_inline u64 take(u64 request)
{
	return take_from_table(request);
}
#else
#define PLACE_BITS 13

/* Where a request stands whose address leads here, one at a time. */
struct place {
	u64 request; /* 0: free */
	u64 start;
	u64 crowded; /* another one came meanwhile, once: look into the table too */
};

/* A table whose entries are neither searched nor allocated: one cache line where a hash takes several, and locks. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << PLACE_BITS);
	__type(key, u32);
	__type(value, struct place);
} block_places SEC(".maps");

static __always_inline struct place *place_of(u64 request)
{
	/* The golden ratio of 2^64 spreads addresses that lie evenly. */
	u32 slot = request * 0x9e3779b97f4a7c15ull >> (64 - PLACE_BITS);

	return bpf_map_lookup_elem(&block_places, &slot);
}

/* A request is in the driver's hands between the two, so nobody else handles the same one meanwhile. */
static __always_inline void remember(u64 request, u64 now)
{
	struct place *place = place_of(request);

	if (!place)
		return;
	if (place->request == request) {
		/* The driver gave it back: it begins anew. */
		place->start = now;
		return;
	}
	if (place->request || __sync_val_compare_and_swap(&place->request, 0, request)) {
		place->crowded = 1;
		remember_in_table(request, now);
		return;
	}
	place->start = now;
	if (place->crowded)
		bpf_map_delete_elem(&block_started, &request);
}

static __always_inline u64 take(u64 request)
{
	struct place *place = place_of(request);
	u64 start;

	if (!place)
		return 0;
	if (place->request != request)
		return place->crowded ? take_from_table(request) : 0;
	start = place->start;
	__sync_lock_test_and_set(&place->request, 0);
	return start;
}
#endif

static __always_inline int on_issue(struct request *request)
{
	remember((u64)request, bpf_ktime_get_ns());
	return 0;
}

/* `typed`: the verifier knows the request. */
static __always_inline void read_key(struct block_key *key, struct request *request, bool typed)
{
	struct gendisk *disk = typed ? typed_disk(request) : get_disk(request);

	key->major = typed ? disk->major : BPF_CORE_READ(disk, major);
	key->minor = typed ? disk->first_minor : BPF_CORE_READ(disk, first_minor);
	key->operation = typed ? request->cmd_flags : BPF_CORE_READ(request, cmd_flags);
	key->operation &= REQ_OP_MASK;
}

static __always_inline int on_complete(struct request *request, bool typed)
{
	static const struct hist zero;
	u64 now = bpf_ktime_get_ns(), start = take((u64)request);
	struct block_key key = {};
	struct hist *hist;

	/* The first part of it to complete; or it began before we did. */
	if (!start)
		return 0;
	read_key(&key, request, typed);
	hist = bpf_map_lookup_elem(&block_latencies, &key);
	if (!hist) {
		bpf_map_update_elem(&block_latencies, &key, &zero, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&block_latencies, &key);
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
