/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP connections one by one, for who joins with them: the living are listed when somebody asks, those that end go into a ring
 * while somebody does.
 */
#ifndef BPFLOW_NET_TOLD_H
#define BPFLOW_NET_TOLD_H

#include "../include/maps.h"
#include "../include/socket.h"
#include "../net.h"

#define ENDED_RING_BYTES (512 * 1024)

/* Of the socket, beside what is counted: who connected or listens, and since when it is a connection. */
struct socket_origin {
	ns_t opened; /* 0: it is none yet */
	cgroup_id_t cgroup;
	pid_type pid;
	u32 reserved;
};

/* Whether anybody wants to know of connections that end; set by user space. */
u32 ended_wanted;
/* How many found no room in the ring. */
u64 ended_lost;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ENDED_RING_BYTES);
} ended_sockets SEC(".maps");

/* What programs only point to would not be among the types that user space checks. */
const struct socket_record *socket_records __attribute__((unused));

static __always_inline void set_origin(struct socket_origin *origin, u32 pid, cgroup_id_t cgroup)
{
	origin->opened = 0;
	origin->cgroup = cgroup;
	origin->pid = pid;
}

static __always_inline void describe_socket(struct socket_record *record,
					    struct socket_origin *origin, struct sock *sk)
{
	record->opened = origin->opened;
	record->cgroup = origin->cgroup;
	record->pid = origin->pid;
	record->local_port = local_port_of(sk);
	record->peer_port = peer_port_of(sk);
	record->is_ipv6 = read_socket_addresses(sk, record->local_address, record->peer_address);
}

static __always_inline void tell_end(struct socket_origin *origin, struct sock *sk, u64 sent,
				     u64 received)
{
	struct socket_record *record;
	bool wake;

	if (!*(volatile u32 *)&ended_wanted || !origin->opened)
		return;
	record = bpf_ringbuf_reserve(&ended_sockets, sizeof(*record), 0);
	if (!record) {
		__sync_fetch_and_add(&ended_lost, 1);
		return;
	}
	describe_socket(record, origin, sk);
	record->closed = bpf_ktime_get_ns();
	record->sent = sent;
	record->received = received;
	wake = bpf_ringbuf_query(&ended_sockets, BPF_RB_AVAIL_DATA) >= ENDED_RING_BYTES / 8;
	bpf_ringbuf_submit(record, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

#endif
