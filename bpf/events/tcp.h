/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* TCP connections as they begin and end. Each socket carries who connected, or who listens. */
#ifndef BPFLOW_EVENTS_TCP_H
#define BPFLOW_EVENTS_TCP_H

#include "../include/event-stack.h"
#include "../include/socket-table.h"

struct socket_owner {
	struct event_header header;
	ns_t since; /* of the connect, or of the connection; 0: it only listens */
	u32 direction;
	u32 connecting;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	/* An accepted socket begins with what its listener has. */
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_owner);
} socket_owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	/* All made beforehand: entries are added where nothing may be allocated. */
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct socket_owner);
} owner_table SEC(".maps");

/* Without storage: who listens, or did. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct listener_key);
	__type(value, struct socket_owner);
} listener_owners SEC(".maps");

struct tcp_record {
	struct event_header header;
	struct tcp_body body;
};

static __always_inline void tell(void *ctx, struct socket_owner *owner, struct sock *sk,
				 struct tcp_sock *tcp, u32 kind, int error)
{
	group_t group = owner ? owner->header.group : GROUP_OTHER;
	ns_t now, since = owner ? owner->since : 0;
	struct event_count *count;
	struct tcp_record scratch, *event;

	count = offer(kind, group, sizeof(*event));
	if (!count)
		return;
	now = bpf_ktime_get_ns();
	event = reserve_event(&scratch, sizeof(*event));
	if (!event) {
		count->full++;
		return;
	}
	if (owner)
		event->header = owner->header;
	else
		__builtin_memset(&event->header, 0, sizeof(event->header));
	describe_event(&event->header, kind, now);
	event->body.duration = since && now > since ? now - since : 0;
	event->body.sent = payload_sent(tcp);
	event->body.received = payload_received(sk, tcp);
	event->body.rtt = (u64)tcp->srtt_us * 125; /* from eighths of a microsecond */
	event->body.retransmits = tcp->total_retrans;
	event->body.error = error;
	event->body.direction = owner ? owner->direction : TCP_UNKNOWN;
	event->body.local_port = local_port_of(sk);
	event->body.peer_port = peer_port_of(sk);
	event->body.is_ipv6 =
		read_socket_addresses(sk, event->body.local_address, event->body.peer_address);
	submit_event(ctx, count, event, sizeof(*event));
}

static __always_inline void own(void *ctx, struct socket_owner *owner, int to)
{
	struct task_struct *current = get_current();

	describe_owner(&owner->header, current, group_of_current());
	owner->connecting = to == TCP_SYN_SENT;
	owner->since = owner->connecting ? bpf_ktime_get_ns() : 0;
	owner->direction = owner->connecting ? TCP_OUTBOUND : TCP_INBOUND;
	/* When it is known how the connect ended, nobody knows who called: the event says how long ago it began. */
	if (owner->connecting)
		tell_stack(ctx, EVENT_TCP_CONNECT, owner->header.tid, owner->header.group,
			   owner->since);
}

static __always_inline void begin(void *ctx, struct socket_owner *owner, struct sock *sk,
				  struct tcp_sock *tcp)
{
	tell(ctx, owner, sk, tcp, owner->connecting ? EVENT_TCP_CONNECT : EVENT_TCP_ACCEPT, 0);
	owner->connecting = 0;
	owner->since = bpf_ktime_get_ns();
}

/* NULL when nobody is known, and none can be noted. */
static __always_inline struct socket_owner *owner_of(struct sock *sk, bool create)
{
	static const struct socket_owner zero;
	struct socket_owner *owner;
	u64 key = (u64)sk;

	if (use_socket_storage)
		return bpf_sk_storage_get(&socket_owners, sk, 0,
					  create ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	owner = bpf_map_lookup_elem(&owner_table, &key);
	if (owner || !create)
		return owner;
	bpf_map_update_elem(&owner_table, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&owner_table, &key);
}

/* Without storage: who listens is noted for the sockets that are accepted. */
static __always_inline void note_listener(struct sock *sk, struct socket_owner *owner)
{
	struct listener_key key;

	if (use_socket_storage)
		return;
	name_listener(sk, &key);
	bpf_map_update_elem(&listener_owners, &key, owner, BPF_ANY);
}

static __always_inline struct socket_owner *owner_of_accepted(struct sock *sk)
{
	struct socket_owner *owner = owner_of(sk, false), *listener;
	struct listener_key key;
	u64 address = (u64)sk;

	if (owner || use_socket_storage)
		return owner;
	name_listener(sk, &key);
	listener = bpf_map_lookup_elem(&listener_owners, &key);
	if (!listener)
		return NULL;
	bpf_map_update_elem(&owner_table, &address, listener, BPF_NOEXIST);
	return bpf_map_lookup_elem(&owner_table, &address);
}

static __always_inline void forget_owner(struct sock *sk)
{
	u64 key = (u64)sk;

	if (!use_socket_storage)
		bpf_map_delete_elem(&owner_table, &key);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(event_tcp_btf, struct sock *sk, int from, int to)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct socket_owner *owner;

	if (!tcp)
		return 0;
	/* Only these two run in the process that owns the socket. */
	if (to == TCP_SYN_SENT || to == TCP_LISTEN) {
		owner = owner_of(sk, true);
		if (!owner) {
			note(LEDGER_NO_SOCKET);
			return 0;
		}
		own(ctx, owner, to);
		if (to == TCP_LISTEN)
			note_listener(sk, owner);
		return 0;
	}
	owner = to == TCP_ESTABLISHED && from != TCP_SYN_SENT ? owner_of_accepted(sk)
							      : owner_of(sk, false);
	if (to == TCP_ESTABLISHED && owner)
		begin(ctx, owner, sk, tcp);
	if (to != TCP_CLOSE)
		return 0;
	if (from == TCP_LISTEN || from == TCP_SYN_RECV) {
		forget_owner(sk);
		return 0;
	}
	if (owner && owner->connecting) {
		tell(ctx, owner, sk, tcp, EVENT_TCP_CONNECT, sk->sk_err);
		owner->connecting = 0;
	} else if (from != TCP_SYN_SENT) {
		tell(ctx, owner, sk, tcp, EVENT_TCP_CLOSE, sk->sk_err);
	}
	forget_owner(sk);
	return 0;
}

#endif
