/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets. What TCP counts itself is credited: at each collection for the sockets that live, at the end of each connection for
 * the others; so nothing runs for a packet. Each socket carries its owner: who connected, or who listens. The storage of
 * sockets is one table over all network namespaces.
 */
#include "include/maps.h"
#include "include/socket-table.h"
#include "net.h"
#include "net/told.h"

/* Whether the histograms are kept for each group. */
const volatile bool net_by_group = false;
/* Whether changes of state in a softirq have a program of their own: see socket_softirq_btf. */
const volatile bool softirq_apart = false;
/* What else tells TCP connections apart. */
const volatile bool with_peer_address = false;
const volatile bool with_peer_port = false;
const volatile bool with_local_port = false;
/* Ports that the kernel chooses, in the agent's network namespace: of an older socket nobody knows who connected. */
const volatile u32 first_random_port = 32768;
const volatile u32 last_random_port = 60999;

/* Last seen value of each counter that TCP keeps for a socket. */
struct socket_state {
	u64 sent;
	u64 received;
	u64 packets_sent;
	u64 packets_received;
	u64 retransmits;
	ns_t connecting_since; /* 0 unless this side connects */
	group_t group;
	u32 flow; /* of struct net_key */
	struct socket_origin origin;
};

/* What TCP itself has counted for a socket until now. */
struct tcp_account {
	u64 sent; /* payload */
	u64 received;
	u32 packets_sent;
	u32 packets_received;
	u32 retransmits;
	u32 rtt; /* smoothed, eighths of a microsecond */
	int error;
	int from; /* TCP state that it ends in */
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
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow_key);
	__type(value, struct flow_value);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct flow_life);
} flow_lives SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} last_flow SEC(".maps");

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

/* The same for all groups together, and for what finds no room above. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TCP_TIMES);
	__type(key, u32);
	__type(value, struct hist);
} all_tcp_times SEC(".maps");

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
	if (has_moved(state, task))
		regroup(state, task);
	return state->group;
}

#include "net/recent.h"

/* The socket's state, zeroed when it is new. NULL when it has none and none may or can be made. */
static __always_inline struct socket_state *socket_state_of(struct sock *sk, bool create)
{
	return bpf_sk_storage_get(&sockets, sk, 0, create ? BPF_SK_STORAGE_GET_F_CREATE : 0);
}

/* The entries of GROUP_OTHER are made before the first program runs. */
static __noinline struct net_value *make_traffic(struct net_key *key)
{
	static const struct net_value zero;
	struct net_key other = {.group = GROUP_OTHER};
	struct net_value *value;

	if (!key)
		return 0;
	bpf_map_update_elem(&traffic, key, &zero, BPF_NOEXIST);
	value = bpf_map_lookup_elem(&traffic, key);
	if (value)
		return value;
	note(LEDGER_TRAFFIC_FULL);
	other.flow = key->flow < FIRST_FLOW ? key->flow : TRANSPORT_TCP;
	return bpf_map_lookup_elem(&traffic, &other);
}

static __always_inline struct net_value *traffic_of(group_t group, u32 flow)
{
	struct net_key key = {.group = group, .flow = flow};
	struct net_value *value = bpf_map_lookup_elem(&traffic, &key);

	return value ? value : make_traffic(&key);
}

/* On this CPU; `alone`: nobody else does meanwhile. */
static __always_inline void add(u64 *sum, u64 step, bool alone)
{
	if (alone)
		*sum += step;
	else
		__sync_fetch_and_add(sum, step);
}

static __always_inline void note_time(group_t group, u32 time, u64 ns, bool alone)
{
	static const struct hist zero;
	struct tcp_time_key key = {.group = group, .time = time};
	struct hist *hist = 0;

	if (net_by_group) {
		hist = bpf_map_lookup_elem(&tcp_times, &key);
		if (!hist) {
			bpf_map_update_elem(&tcp_times, &key, &zero, BPF_NOEXIST);
			hist = bpf_map_lookup_elem(&tcp_times, &key);
		}
		if (!hist)
			note(LEDGER_TRAFFIC_FULL);
	}
	if (!hist)
		hist = bpf_map_lookup_elem(&all_tcp_times, &time);
	if (!hist)
		return;
	/* A process and a softirq that interrupts it may add to one. */
	if (alone)
		hist_add(hist, ns);
	else
		hist_add_shared(hist, ns);
}

static __always_inline void note_failure(struct socket_state *state, int error)
{
	static const struct connect_error_value zero;
	struct connect_error_key key = {.group = state->group, .error = error, .flow = state->flow};
	struct connect_error_value *value = bpf_map_lookup_elem(&connect_errors, &key);

	if (!value) {
		bpf_map_update_elem(&connect_errors, &key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&connect_errors, &key);
	}
	if (!value) {
		note(LEDGER_TRAFFIC_FULL);
		key.group = GROUP_OTHER;
		key.error = 0;
		key.flow = TRANSPORT_TCP;
		value = bpf_map_lookup_elem(&connect_errors, &key);
	}
	if (value)
		__sync_fetch_and_add(&value->count, 1);
}

/*
 * The id of what the connection is told apart by; that of TCP when nothing is asked for, or there is no room. An id is never
 * used again.
 */
static __noinline u32 find_flow(struct flow_key *key)
{
	struct flow_value value = {}, *found;
	struct flow_life life = {};
	u32 first = 0;
	u64 *last;

	if (!key)
		return TRANSPORT_TCP;
	found = bpf_map_lookup_elem(&flows, key);
	if (found)
		return found->id;
	last = bpf_map_lookup_elem(&last_flow, &first);
	if (!last)
		return TRANSPORT_TCP;
#ifdef PLAIN_ATOMICS
	/* Two CPUs may read the same here: what they would add to one series is added to it. */
	__sync_fetch_and_add(last, 1);
	value.id = FIRST_FLOW + *(volatile u64 *)last;
#else
	value.id = FIRST_FLOW + 1 + __sync_fetch_and_add(last, 1);
#endif
	if (value.id <= FIRST_FLOW)
		return TRANSPORT_TCP;
	if (!bpf_map_update_elem(&flows, key, &value, BPF_NOEXIST)) {
		bpf_map_update_elem(&flow_lives, &value.id, &life, BPF_NOEXIST);
		return value.id;
	}
	/* Another CPU was faster, or the map is full. */
	found = bpf_map_lookup_elem(&flows, key);
	if (found)
		return found->id;
	note(LEDGER_FLOWS_FULL);
	return TRANSPORT_TCP;
}

/* `connects`: this side does, so its port was chosen at random; else the peer's was. */
static __always_inline u32 flow_of(struct sock *sk, bool connects)
{
	struct flow_key key = {};

	if (!with_peer_address && !with_peer_port && !with_local_port)
		return TRANSPORT_TCP;
	if (with_peer_address) {
		if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
			u64 peer = BPF_CORE_READ(sk, __sk_common.skc_daddr);

			key.peer_low = peer << 32 | bpf_htonl(0xffff);
		} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
			struct in6_addr peer;

			BPF_CORE_READ_INTO(&peer, sk, __sk_common.skc_v6_daddr);
			__builtin_memcpy(&key.peer_high, &peer, sizeof(peer));
		}
	}
	if (with_peer_port && connects)
		key.peer_port = peer_port_of(sk);
	if (with_local_port && !connects)
		key.local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	return find_flow(&key);
}

/* Of a socket of which nobody knows who connected. */
static __always_inline bool has_random_port(struct sock *sk)
{
	u32 port = BPF_CORE_READ(sk, __sk_common.skc_num);

	return port >= first_random_port && port <= last_random_port;
}

/* A counter of 32 bits that has gone on from `last`, as one of 64. */
static __always_inline u64 extend(u64 last, u32 now)
{
	s32 step = now - (u32)last;

	return step > 0 ? last + step : last;
}

static __always_inline void add_growth(u64 *sum, u64 *last, u64 now, bool alone)
{
	u64 step = advance(last, now);

	if (step)
		add(sum, step, alone);
}

static __always_inline void credit_account(struct net_value *sum, struct socket_state *state,
					   const struct tcp_account *now, bool alone)
{
	add_growth(&sum->sent, &state->sent, now->sent, alone);
	add_growth(&sum->received, &state->received, now->received, alone);
	add_growth(&sum->packets_sent, &state->packets_sent,
		   extend(state->packets_sent, now->packets_sent), alone);
	add_growth(&sum->packets_received, &state->packets_received,
		   extend(state->packets_received, now->packets_received), alone);
	add_growth(&sum->retransmits, &state->retransmits,
		   extend(state->retransmits, now->retransmits), alone);
}

/* What TCP has counted for the socket until now is nobody's. */
static __always_inline void own_account(struct socket_state *state, const struct tcp_account *now,
					group_t group)
{
	state->sent = now->sent;
	state->received = now->received;
	state->packets_sent = now->packets_sent;
	state->packets_received = now->packets_received;
	state->retransmits = now->retransmits;
	state->connecting_since = 0;
	state->flow = TRANSPORT_TCP;
	state->group = group;
}

/*
 * `now`: by the clock that TCP has just read itself, for the segment that completes the handshake came then. Not before the
 * connection began, as in one that is put up without segments (TCP_REPAIR).
 */
static __always_inline void note_established(struct socket_state *state, struct sock *sk, int from,
					     ns_t now, bool alone)
{
	ns_t since = state->connecting_since;
	struct net_value *sum;

	if (state->group == GROUP_EXCLUDED) {
		note(LEDGER_EXCLUDED);
		return;
	}
	if (now < since)
		now = since;
	state->origin.opened = now;
	if (!since)
		state->flow = flow_of(sk, from == TCP_SYN_SENT);
	sum = traffic_of(state->group, state->flow);
	if (!sum)
		return;
	if (!since && from != TCP_SYN_SENT) {
		add(&sum->accepted, 1, alone);
		return;
	}
	add(&sum->opened, 1, alone);
	if (!since)
		return;
	state->connecting_since = 0;
	note_time(state->group, TCP_CONNECT, now - since, alone);
}

static __always_inline void credit_last(struct socket_state *state, const struct tcp_account *last,
					bool alone)
{
	struct net_value *sum = traffic_of(state->group, state->flow);

	if (!sum)
		return;
	credit_account(sum, state, last, alone);
	if (state->connecting_since) {
		state->connecting_since = 0;
		note_failure(state, last->error);
		return;
	}
	if (last->from == TCP_SYN_RECV)
		return;
	if (last->rtt)
		note_time(state->group, TCP_RTT, (u64)last->rtt * 125, alone);
	if (last->error == ECONNRESET || last->error == EPIPE)
		add(&sum->reset, 1, alone);
}

/* One collection: credits a socket that lives, and counts it by its state. */
static __always_inline void credit_living(struct socket_state *state, const struct tcp_account *now,
					  struct node *shared, u32 tcp_state)
{
	static const struct connection_value zero;
	struct connection_key key = {.group = state->group, .state = tcp_state};
	struct connection_value *value;
	struct net_value *sum;
	u32 rtt;

	if (state->group == GROUP_EXCLUDED)
		return;
	/* What it is told apart by is known when it is established. */
	if (tcp_state != TCP_SYN_RECV && tcp_state != TCP_LISTEN) {
		sum = traffic_of(state->group, state->flow);
		if (!sum)
			return;
		credit_account(sum, state, now, false);
	}
	if (state->flow >= FIRST_FLOW) {
		/* On the stack: 6.1 takes no key that lies in what an iterator shows. */
		u32 flow = state->flow;
		struct flow_life *life = bpf_map_lookup_elem(&flow_lives, &flow);

		if (life)
			life->generation = shared->generation;
	}
	value = bpf_map_lookup_elem(&connections, &key);
	if (!value) {
		bpf_map_update_elem(&connections, &key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&connections, &key);
	}
	if (!value) {
		note(LEDGER_TRAFFIC_FULL);
		return;
	}
	if (value->generation != shared->generation) {
		*value = zero;
		value->generation = shared->generation;
	}
	value->count++;
	rtt = now->rtt >> 3;
	if (rtt && tcp_state != TCP_LISTEN) {
		value->measured++;
		value->rtt += rtt;
	}
}

#include "net/by-address.h"

/* By plain loads, where the verifier knows the socket. */
static __always_inline void typed_account(struct tcp_account *now, struct sock *sk,
					  struct tcp_sock *tcp, u64 received)
{
	now->sent = payload_sent(tcp);
	now->received = received;
	now->packets_sent = tcp->segs_out;
	now->packets_received = tcp->segs_in;
	now->retransmits = tcp->total_retrans;
	now->rtt = tcp->srtt_us;
	now->error = sk->sk_err;
}

/* Connects or listens: only these two always run in the process that owns the socket. */
static __always_inline int on_begin(struct sock *sk, struct tcp_sock *tcp, bool connects)
{
	struct socket_state *state = socket_state_of(sk, true);
	struct recent_task *task = recent_task(RECENT_BEGAN);
	struct task_struct *current = get_current();
	struct tcp_account now;

	if (!state || !task) {
		note(LEDGER_NO_SOCKET);
		return 0;
	}
	typed_account(&now, sk, tcp, payload_received(sk, tcp));
	own_account(state, &now, task->group);
	set_origin(&state->origin,
		   has_helper(get_current_task_btf) ? current->tgid : BPF_CORE_READ(current, tgid),
		   task->cgroup);
	if (!connects)
		return 0;
	state->flow = flow_of(sk, true);
	state->connecting_since = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int on_established(struct sock *sk, struct tcp_sock *tcp, int from,
					  bool alone)
{
	struct socket_state *state = socket_state_of(sk, true);

	if (state)
		note_established(state, sk, from,
				 bpf_core_field_exists(tcp->tcp_clock_cache) ? tcp->tcp_clock_cache
									     : bpf_ktime_get_ns(),
				 alone);
	else
		note(LEDGER_NO_SOCKET);
	return 0;
}

static __always_inline int on_end(struct sock *sk, struct tcp_sock *tcp, int from, bool alone)
{
	struct socket_state *state;
	struct tcp_account last;

	if (from == TCP_CLOSE || from == TCP_LISTEN)
		return 0;
	/* Without a state it is older than the agent and was in no process: what it carried before is not told from the rest. */
	state = socket_state_of(sk, false);
	if (!state) {
		note(LEDGER_NO_SOCKET);
		return 0;
	}
	if (state->group == GROUP_EXCLUDED) {
		note(LEDGER_EXCLUDED);
		return 0;
	}
	typed_account(&last, sk, tcp, payload_received(sk, tcp));
	last.from = from;
	tell_end(&state->origin, sk, last.sent, last.received);
	credit_last(state, &last, alone);
	return 0;
}

/*
 * `alone`: nothing that adds to this CPU's values interrupts, so plain additions do. In softirqs, that is, where these do not
 * interrupt each other: not on real-time kernels. Whoever they interrupt adds atomically.
 */
static __always_inline int on_state(struct sock *sk, int from, int to, bool alone)
{
	struct tcp_sock *tcp;

	if (to != TCP_SYN_SENT && to != TCP_LISTEN && to != TCP_ESTABLISHED && to != TCP_CLOSE)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	if (to == TCP_ESTABLISHED)
		return on_established(sk, tcp, from, alone);
	if (to == TCP_CLOSE)
		return on_end(sk, tcp, from, alone);
	return on_begin(sk, tcp, to == TCP_SYN_SENT);
}

/*
 * The kernel leaves a program out while it runs on that CPU already. A process that is in the middle of the first one can be
 * interrupted by packets of other connections; they are the second one's. Softirqs do not interrupt each other.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_state_btf, struct sock *sk, int from, int to)
{
	if (!use_socket_storage)
		return change_at(sk, from, to, false);
	if (softirq_apart && !is_owned(sk))
		return 0;
	return on_state(sk, from, to, false);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_softirq_btf, struct sock *sk, int from, int to)
{
	if (!use_socket_storage)
		return change_at(sk, from, to, true);
	if (is_owned(sk))
		return 0;
	return on_state(sk, from, to, !is_real_time());
}

SEC("tracepoint/sock/inet_sock_set_state")
int socket_state_tp(struct socket_state_record *record)
{
	return change_at((struct sock *)record->socket, record->from, record->to, false);
}

SEC("iter/bpf_sk_storage_map")
int living_sockets(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct socket_state *state = ctx->value;
	struct node *shared = get_node();
	struct sock *sk = ctx->sk;
	struct tcp_account now;
	struct tcp_sock *tcp;
	u32 tcp_state;

	if (!sk || !state || !shared)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	tcp_state = sk->__sk_common.skc_state;
	if (!tcp || tcp_state == TCP_CLOSE)
		return 0;
	typed_account(&now, sk, tcp, payload_received_until_now(sk, tcp));
	credit_living(state, &now, shared, tcp_state);
	return 0;
}

/* Lists the connections there are, for who asks. */
SEC("iter/bpf_sk_storage_map")
int listed_sockets(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct socket_state *state = ctx->value;
	struct socket_record record = {};
	struct sock *sk = ctx->sk;
	struct tcp_sock *tcp;

	if (!sk || !state)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp || !state->origin.opened || state->group == GROUP_EXCLUDED ||
	    sk->__sk_common.skc_state == TCP_CLOSE)
		return 0;
	describe_socket(&record, &state->origin, sk);
	record.sent = payload_sent(tcp);
	record.received = payload_received_until_now(sk, tcp);
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
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
	struct tcp_account now;
	u32 tcp_state;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	tcp_state = sk->__sk_common.skc_state;
	if (!tcp || tcp_state == TCP_CLOSE || bpf_sk_storage_get(&sockets, sk, 0, 0))
		return 0;
	owner = get_state(task, false);
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state)
		return 0;
	typed_account(&now, sk, tcp, payload_received(sk, tcp));
	own_account(state, &now, owner && owner->css_set ? owner->group : GROUP_OTHER);
	set_origin(&state->origin, task->tgid, cgroup_id_of(task));
	if (tcp_state == TCP_LISTEN)
		return 0;
	if (tcp_state != TCP_SYN_SENT)
		state->origin.opened = bpf_ktime_get_ns();
	state->flow = flow_of(sk, has_random_port(sk));
	return 0;
}

#include "net/messages.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
