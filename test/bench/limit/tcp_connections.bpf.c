/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// TCP connections by process: opened, accepted, connect latency, and at the end bytes, segments and the round-trip time. State in
// the socket. Nothing of it is right for a socket that is older, or still open.
#include "limit.h"

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT	2
#define TCP_CLOSE	7
#define TCP_LISTEN	10

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock {
	int sk_err;
};
struct tcp_sock {
	u64 bytes_received, bytes_sent, bytes_retrans;
	u32 segs_in, segs_out, total_retrans, srtt_us;
};
#pragma clang attribute pop

struct owner {
	u32 tgid;
	u64 connecting_since;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct owner);
} owners SEC(".maps");

struct traffic {
	u64 sent, received, segments_sent, segments_received, retransmits;
	u64 opened, accepted;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct traffic);
} by_process SEC(".maps");

struct histogram {
	u64 ns;
	u64 buckets[BUCKETS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct histogram);
} times SEC(".maps");

static __always_inline void add_time(u32 which, u64 ns)
{
	struct histogram *histogram = bpf_map_lookup_elem(&times, &which);

	if (!histogram)
		return;
	histogram->ns += ns;
	histogram->buckets[log2_bucket(ns) & (BUCKETS - 1)]++;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connections, struct sock *sk, int from, int to)
{
	static const struct traffic zero;
	struct traffic *traffic;
	struct tcp_sock *tcp;
	struct owner *owner;

	if (to != TCP_SYN_SENT && to != TCP_LISTEN && to != TCP_ESTABLISHED && to != TCP_CLOSE)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	owner = bpf_sk_storage_get(
		&owners, sk, 0,
		to == TCP_SYN_SENT || to == TCP_LISTEN ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (!owner)
		return 0;
	if (to == TCP_SYN_SENT || to == TCP_LISTEN) {
		owner->tgid = current_tgid();
		owner->connecting_since = to == TCP_SYN_SENT ? bpf_ktime_get_ns() : 0;
		return 0;
	}
	traffic = value_of(&by_process, &owner->tgid, &zero);
	if (!traffic)
		return 0;
	if (to == TCP_ESTABLISHED) {
		if (!owner->connecting_since) {
			traffic->accepted++;
			return 0;
		}
		traffic->opened++;
		add_time(0, bpf_ktime_get_ns() - owner->connecting_since);
		return 0;
	}
	traffic->sent += tcp->bytes_sent - tcp->bytes_retrans;
	traffic->received += tcp->bytes_received;
	traffic->segments_sent += tcp->segs_out;
	traffic->segments_received += tcp->segs_in;
	traffic->retransmits += tcp->total_retrans;
	if (tcp->srtt_us)
		add_time(1, tcp->srtt_us * 125ull);
	return 0;
}
