/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets. What TCP counts itself is credited: at each collection for the sockets that live, at the end of each connection for
 * the others; so nothing runs for a packet. Each socket carries its owner: who connected, or who listens. The storage of
 * sockets is one table over all network namespaces.
 */
#include "include/maps.h"
#include "include/socket.h"
#include "net.h"

/* Whether the histograms are kept for each group. */
const volatile bool net_by_group = false;

/* Last seen value of each counter that TCP keeps for a socket. */
struct socket_state {
	u64 sent;
	u64 received;
	u64 packets_sent;
	u64 packets_received;
	u64 retransmits;
	ns_t connecting_since; /* 0 unless this side connects */
	group_t group;
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	/* An accepted socket begins with what its listener has. */
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_state);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct net_key);
	__type(value, struct net_value);
} traffic SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct connect_error_key);
	__type(value, struct connect_error_value);
} connect_errors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tcp_time_key);
	__type(value, struct hist);
} tcp_times SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct connection_key);
	__type(value, struct connection_value);
} connections SEC(".maps");

static __always_inline group_t current_group(void)
{
	struct task_struct *task = get_current();
	struct task_state *state = get_state(task, true);

	if (!state) {
		note(LEDGER_NO_STATE);
		return GROUP_OTHER;
	}
	if (state->css_set != css_set_of(task))
		regroup(state, task);
	return state->group;
}

/* The entries of GROUP_OTHER are made before the first program runs. */
static __always_inline struct net_value *traffic_of(group_t group, u32 transport)
{
	static const struct net_value zero;
	struct net_key key = {.group = group, .transport = transport};
	struct net_value *value = bpf_map_lookup_elem(&traffic, &key);

	if (value)
		return value;
	bpf_map_update_elem(&traffic, &key, &zero, BPF_NOEXIST);
	value = bpf_map_lookup_elem(&traffic, &key);
	if (value)
		return value;
	note(LEDGER_TRAFFIC_FULL);
	key.group = GROUP_OTHER;
	return bpf_map_lookup_elem(&traffic, &key);
}

static __always_inline void note_time(group_t group, u32 time, u64 ns)
{
	static const struct hist zero;
	struct tcp_time_key key = {.group = net_by_group ? group : GROUP_OTHER, .time = time};
	struct hist *hist = bpf_map_lookup_elem(&tcp_times, &key);

	if (!hist) {
		bpf_map_update_elem(&tcp_times, &key, &zero, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&tcp_times, &key);
	}
	if (!hist) {
		note(LEDGER_TRAFFIC_FULL);
		key.group = GROUP_OTHER;
		hist = bpf_map_lookup_elem(&tcp_times, &key);
	}
	if (hist)
		hist_add(hist, ns);
}

static __always_inline void note_failure(group_t group, int error)
{
	static const struct connect_error_value zero;
	struct connect_error_key key = {.group = group, .error = error};
	struct connect_error_value *value = bpf_map_lookup_elem(&connect_errors, &key);

	if (!value) {
		bpf_map_update_elem(&connect_errors, &key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&connect_errors, &key);
	}
	if (!value) {
		note(LEDGER_TRAFFIC_FULL);
		key.group = GROUP_OTHER;
		key.error = 0;
		value = bpf_map_lookup_elem(&connect_errors, &key);
	}
	if (value)
		__sync_fetch_and_add(&value->count, 1);
}

/* A counter of 32 bits that has gone on from `last`, as one of 64. */
static __always_inline u64 extend(u64 last, u32 now)
{
	s32 step = now - (u32)last;

	return step > 0 ? last + step : last;
}

static __always_inline void credit_socket(struct socket_state *state, struct sock *sk,
					  struct tcp_sock *tcp)
{
	struct net_value *sum;

	if (state->group == GROUP_EXCLUDED)
		return;
	sum = traffic_of(state->group, TRANSPORT_TCP);
	if (!sum)
		return;
	__sync_fetch_and_add(&sum->sent, advance(&state->sent, payload_sent(tcp)));
	__sync_fetch_and_add(&sum->received, advance(&state->received, payload_received(sk, tcp)));
	__sync_fetch_and_add(
		&sum->packets_sent,
		advance(&state->packets_sent, extend(state->packets_sent, tcp->segs_out)));
	__sync_fetch_and_add(
		&sum->packets_received,
		advance(&state->packets_received, extend(state->packets_received, tcp->segs_in)));
	__sync_fetch_and_add(
		&sum->retransmits,
		advance(&state->retransmits, extend(state->retransmits, tcp->total_retrans)));
}

/* What TCP has counted for the socket until now is nobody's. */
static __always_inline void own_socket(struct socket_state *state, struct sock *sk,
				       struct tcp_sock *tcp, group_t group)
{
	state->sent = payload_sent(tcp);
	state->received = payload_received(sk, tcp);
	state->packets_sent = tcp->segs_out;
	state->packets_received = tcp->segs_in;
	state->retransmits = tcp->total_retrans;
	state->connecting_since = 0;
	state->group = group;
}

static __always_inline void on_established(struct socket_state *state)
{
	struct net_value *sum = traffic_of(state->group, TRANSPORT_TCP);
	u64 since = state->connecting_since;

	if (!sum)
		return;
	if (!since) {
		__sync_fetch_and_add(&sum->accepted, 1);
		return;
	}
	u64 now = bpf_ktime_get_ns();
	state->connecting_since = 0;
	__sync_fetch_and_add(&sum->opened, 1);
	note_time(state->group, TCP_CONNECT, now > since ? now - since : 0);
}

static __always_inline void on_end(struct socket_state *state, struct sock *sk,
				   struct tcp_sock *tcp, int from)
{
	int error = sk->sk_err;
	u64 rtt = tcp->srtt_us;
	struct net_value *sum;

	credit_socket(state, sk, tcp);
	if (state->connecting_since) {
		state->connecting_since = 0;
		note_failure(state->group, error);
		return;
	}
	if (from == TCP_SYN_RECV || from == TCP_LISTEN)
		return;
	/* In eighths of a microsecond. */
	if (rtt)
		note_time(state->group, TCP_RTT, rtt * 125);
	if (error != ECONNRESET && error != EPIPE)
		return;
	sum = traffic_of(state->group, TRANSPORT_TCP);
	if (sum)
		__sync_fetch_and_add(&sum->reset, 1);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state_btf, struct sock *sk, int from, int to)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct socket_state *state;

	if (!tcp)
		return 0;
	/* Only these two run in the process that owns the socket. */
	if (to == TCP_SYN_SENT || to == TCP_LISTEN) {
		state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!state) {
			note(LEDGER_NO_SOCKET);
			return 0;
		}
		own_socket(state, sk, tcp, current_group());
		if (to == TCP_SYN_SENT)
			state->connecting_since = bpf_ktime_get_ns();
		return 0;
	}
	if (to != TCP_ESTABLISHED && to != TCP_CLOSE)
		return 0;
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state) {
		note(LEDGER_NO_SOCKET);
		return 0;
	}
	if (state->group == GROUP_EXCLUDED)
		note(LEDGER_EXCLUDED);
	else if (to == TCP_ESTABLISHED)
		on_established(state);
	else
		on_end(state, sk, tcp, from);
	return 0;
}

/* One collection: credits the sockets that live, and counts them by state. */
SEC("iter/bpf_sk_storage_map")
int living_sockets(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	static const struct connection_value zero;
	struct socket_state *state = ctx->value;
	struct connection_key key = {};
	struct connection_value *value;
	struct node *shared = get_node();
	struct sock *sk = ctx->sk;
	struct tcp_sock *tcp;
	u32 rtt;

	if (!sk || !state || !shared)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	key.state = sk->__sk_common.skc_state;
	if (!tcp || state->group == GROUP_EXCLUDED || key.state == TCP_CLOSE)
		return 0;
	credit_socket(state, sk, tcp);
	key.group = state->group;
	value = bpf_map_lookup_elem(&connections, &key);
	if (!value) {
		bpf_map_update_elem(&connections, &key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&connections, &key);
	}
	if (!value) {
		note(LEDGER_TRAFFIC_FULL);
		return 0;
	}
	if (value->generation != shared->generation) {
		*value = zero;
		value->generation = shared->generation;
	}
	value->count++;
	rtt = tcp->srtt_us >> 3;
	if (rtt && key.state != TCP_LISTEN) {
		value->measured++;
		value->rtt += rtt;
	}
	return 0;
}

/* Once, at the start: sockets that are older than the agent belong to a process that has them open. */
SEC("iter/task_file")
int older_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket_state *state;
	struct task_state *owner;
	struct tcp_sock *tcp;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp || bpf_sk_storage_get(&sockets, sk, 0, 0))
		return 0;
	owner = get_state(task, false);
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (state)
		own_socket(state, sk, tcp, owner && owner->css_set ? owner->group : GROUP_OTHER);
	return 0;
}

/* Sockets without connections that the kernel counts for: each call that sends or receives, TCP left out. */
static __always_inline int on_message(struct sock *sk, int result, bool sends)
{
	u32 family = sk->__sk_common.skc_family, transport;
	struct net_value *sum;
	group_t group;

	if (family == AF_UNIX)
		transport = TRANSPORT_UNIX;
	else if ((family == AF_INET || family == AF_INET6) && sk->sk_protocol == IPPROTO_UDP)
		transport = TRANSPORT_UDP;
	else
		return 0;
	if (result < 0)
		return 0;
	group = current_group();
	if (group == GROUP_EXCLUDED) {
		note(LEDGER_EXCLUDED);
		return 0;
	}
	sum = traffic_of(group, transport);
	if (!sum)
		return 0;
	if (sends) {
		__sync_fetch_and_add(&sum->sent, result);
		__sync_fetch_and_add(&sum->packets_sent, 1);
	} else {
		__sync_fetch_and_add(&sum->received, result);
		__sync_fetch_and_add(&sum->packets_received, 1);
	}
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_send_btf, struct sock *sk, int result, int flags)
{
	return on_message(sk, result, true);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(socket_receive_btf, struct sock *sk, int result, int flags)
{
	if (flags & (MSG_PEEK | MSG_ERRQUEUE))
		return 0;
	return on_message(sk, result, false);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
