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

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	/* An accepted socket begins with what its listener has. */
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_state);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	/* All made beforehand: entries are added where nothing may be allocated. */
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct socket_state);
} socket_table SEC(".maps");

/* Without storage: groups of the sockets that listen, or did. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct listener_key);
	__type(value, group_t);
} listeners SEC(".maps");

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

/* What a CPU remembers its last task of. Each is written by one program. */
enum recent {
	RECENT_RECEIVED,
	RECENT_SENT,
	RECENT_BEGAN,
	RECENT_KINDS,
};

/* The last task of the CPU that did such a thing: the next time it is counted without looking for its state. */
struct recent_task {
	u64 task;
	u64 css_set;
	u64 changes;
	cgroup_id_t cgroup; /* RECENT_BEGAN */
	group_t group;
	u32 user;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RECENT_KINDS);
	__type(key, u32);
	__type(value, struct recent_task);
} recent_tasks SEC(".maps");

/* The current task, as it is now. */
static __always_inline struct recent_task *recent_task(u32 what)
{
	struct recent_task *last = bpf_map_lookup_elem(&recent_tasks, &what);
	struct task_struct *current = get_current();
	struct node *shared = get_node();
	u64 changes, css_set;

	if (!last || !shared)
		return NULL;
	changes = *(volatile u64 *)&shared->changes;
	css_set = css_set_of(current);
	if (last->task == (u64)current && last->changes == changes && last->css_set == css_set &&
	    (!user_ranges || last->user == user_of_current(current)))
		return last;
	last->group = current_group();
	if (what == RECENT_BEGAN)
		last->cgroup = cgroup_id_of(current);
	last->css_set = css_set;
	last->user = user_ranges ? user_of_current(current) : 0;
	last->changes = changes;
	/* A task without state is looked for again. */
	last->task = last->group == GROUP_OTHER ? 0 : (u64)current;
	return last;
}

/* The socket's state, zeroed when it is new. NULL when it has none and none may or can be made. */
static __always_inline struct socket_state *socket_state_of(struct sock *sk, bool create)
{
	static const struct socket_state zero;
	struct socket_state *state;
	u64 key = (u64)sk;

	if (use_socket_storage)
		return bpf_sk_storage_get(&sockets, sk, 0,
					  create ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	state = bpf_map_lookup_elem(&socket_table, &key);
	if (state || !create)
		return state;
	bpf_map_update_elem(&socket_table, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&socket_table, &key);
}

static __always_inline void forget_socket(struct sock *sk)
{
	u64 key = (u64)sk;

	if (!use_socket_storage)
		bpf_map_delete_elem(&socket_table, &key);
}

/* Without storage an accepted socket does not begin with what its listener has. */
static __always_inline struct socket_state *accepted_socket(struct sock *sk)
{
	struct socket_state *state = socket_state_of(sk, false);
	struct listener_key key;
	group_t *group;

	if (state || use_socket_storage)
		return state ? state : socket_state_of(sk, true);
	state = socket_state_of(sk, true);
	if (!state)
		return NULL;
	state->flow = TRANSPORT_TCP;
	name_listener(sk, &key);
	group = bpf_map_lookup_elem(&listeners, &key);
	if (group)
		state->group = *group;
	return state;
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
		if (sk->__sk_common.skc_family == AF_INET) {
			key.peer_low = (u64)sk->__sk_common.skc_daddr << 32 | bpf_htonl(0xffff);
		} else if (bpf_core_field_exists(sk->__sk_common.skc_v6_daddr)) {
			struct in6_addr peer;

			BPF_CORE_READ_INTO(&peer, sk, __sk_common.skc_v6_daddr);
			__builtin_memcpy(&key.peer_high, &peer, sizeof(peer));
		}
	}
	if (with_peer_port && connects)
		key.peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (with_local_port && !connects)
		key.local_port = sk->__sk_common.skc_num;
	return find_flow(&key);
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

static __always_inline void credit_socket(struct net_value *sum, struct socket_state *state,
					  struct tcp_sock *tcp, u64 received, bool alone)
{
	add_growth(&sum->sent, &state->sent, payload_sent(tcp), alone);
	add_growth(&sum->received, &state->received, received, alone);
	add_growth(&sum->packets_sent, &state->packets_sent,
		   extend(state->packets_sent, tcp->segs_out), alone);
	add_growth(&sum->packets_received, &state->packets_received,
		   extend(state->packets_received, tcp->segs_in), alone);
	add_growth(&sum->retransmits, &state->retransmits,
		   extend(state->retransmits, tcp->total_retrans), alone);
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
	state->flow = TRANSPORT_TCP;
	state->group = group;
}

/* Connects or listens: only these two always run in the process that owns the socket. */
static __always_inline int on_begin(struct sock *sk, struct tcp_sock *tcp, bool connects)
{
	struct socket_state *state = socket_state_of(sk, true);
	struct recent_task *task = recent_task(RECENT_BEGAN);
	struct listener_key key;

	if (!state || !task) {
		note(LEDGER_NO_SOCKET);
		return 0;
	}
	own_socket(state, sk, tcp, task->group);
	set_origin(&state->origin, get_current(), task->cgroup);
	if (!connects) {
		if (use_socket_storage)
			return 0;
		name_listener(sk, &key);
		bpf_map_update_elem(&listeners, &key, &state->group, BPF_ANY);
		return 0;
	}
	state->flow = flow_of(sk, true);
	state->connecting_since = bpf_ktime_get_ns();
	return 0;
}

/*
 * By the clock that TCP has just read itself: the segment that completes the handshake came then. Not before `since`, as in a
 * connection that is put up without segments (TCP_REPAIR).
 */
static __always_inline u64 established_at(struct tcp_sock *tcp, u64 since)
{
	u64 clock;

	if (!bpf_core_field_exists(tcp->tcp_clock_cache))
		return bpf_ktime_get_ns();
	clock = tcp->tcp_clock_cache;
	return clock > since ? clock : since;
}

static __always_inline int on_established(struct sock *sk, struct tcp_sock *tcp, int from,
					  bool alone)
{
	/* Without storage: of a listener that nobody knows, or begun before the agent. */
	struct socket_state *state =
		from == TCP_SYN_SENT ? socket_state_of(sk, true) : accepted_socket(sk);
	struct net_value *sum;
	u64 since, now;

	if (!state) {
		note(LEDGER_NO_SOCKET);
		return 0;
	}
	if (state->group == GROUP_EXCLUDED) {
		note(LEDGER_EXCLUDED);
		return 0;
	}
	since = state->connecting_since;
	now = established_at(tcp, since);
	state->origin.opened = now;
	if (!since)
		state->flow = flow_of(sk, from == TCP_SYN_SENT);
	sum = traffic_of(state->group, state->flow);
	if (!sum)
		return 0;
	if (!since && from != TCP_SYN_SENT) {
		add(&sum->accepted, 1, alone);
		return 0;
	}
	add(&sum->opened, 1, alone);
	if (!since)
		return 0;
	state->connecting_since = 0;
	note_time(state->group, TCP_CONNECT, now - since, alone);
	return 0;
}

static __always_inline int credit_end(struct sock *sk, struct tcp_sock *tcp, int from, bool alone)
{
	struct socket_state *state;
	struct net_value *sum;
	int error;
	u64 rtt;

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
	tell_end(&state->origin, sk, tcp);
	sum = traffic_of(state->group, state->flow);
	if (!sum)
		return 0;
	credit_socket(sum, state, tcp, payload_received(sk, tcp), alone);
	error = sk->sk_err;
	if (state->connecting_since) {
		state->connecting_since = 0;
		note_failure(state, error);
		return 0;
	}
	if (from == TCP_SYN_RECV)
		return 0;
	/* In eighths of a microsecond. */
	rtt = tcp->srtt_us;
	if (rtt)
		note_time(state->group, TCP_RTT, rtt * 125, alone);
	if (error == ECONNRESET || error == EPIPE)
		add(&sum->reset, 1, alone);
	return 0;
}

static __always_inline int on_end(struct sock *sk, struct tcp_sock *tcp, int from, bool alone)
{
	credit_end(sk, tcp, from, alone);
	forget_socket(sk);
	return 0;
}

/*
 * `alone`: nothing that adds to this CPU's values interrupts, so plain additions do. In softirqs, that is, where these do not
 * interrupt each other: not on real-time kernels. Whoever they interrupt adds atomically.
 */
static __always_inline int on_state(struct sock *sk, int from, int to, bool alone)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

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
	if (to != TCP_SYN_SENT && to != TCP_LISTEN && to != TCP_ESTABLISHED && to != TCP_CLOSE)
		return 0;
	if (softirq_apart && !is_owned(sk))
		return 0;
	return on_state(sk, from, to, false);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(socket_softirq_btf, struct sock *sk, int from, int to)
{
	if (to != TCP_SYN_SENT && to != TCP_LISTEN && to != TCP_ESTABLISHED && to != TCP_CLOSE)
		return 0;
	if (is_owned(sk))
		return 0;
	return on_state(sk, from, to, !is_real_time());
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
	struct net_value *sum;
	struct tcp_sock *tcp;
	u32 rtt;

	if (!sk || !state || !shared)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	key.state = sk->__sk_common.skc_state;
	if (!tcp || state->group == GROUP_EXCLUDED || key.state == TCP_CLOSE)
		return 0;
	/* What it is told apart by is known when it is established. */
	if (key.state != TCP_SYN_RECV && key.state != TCP_LISTEN) {
		sum = traffic_of(state->group, state->flow);
		if (!sum)
			return 0;
		credit_socket(sum, state, tcp, payload_received_until_now(sk, tcp), false);
	}
	if (state->flow >= FIRST_FLOW) {
		/* On the stack: 6.1 takes no key that lies in what an iterator shows. */
		u32 flow = state->flow;
		struct flow_life *life = bpf_map_lookup_elem(&flow_lives, &flow);

		if (life)
			life->generation = shared->generation;
	}
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
	u32 state_now, port;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	state_now = sk->__sk_common.skc_state;
	if (!tcp || state_now == TCP_CLOSE || bpf_sk_storage_get(&sockets, sk, 0, 0))
		return 0;
	owner = get_state(task, false);
	state = bpf_sk_storage_get(&sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!state)
		return 0;
	own_socket(state, sk, tcp, owner && owner->css_set ? owner->group : GROUP_OTHER);
	set_origin(&state->origin, task, cgroup_id_of(task));
	if (state_now == TCP_LISTEN)
		return 0;
	if (state_now != TCP_SYN_SENT)
		state->origin.opened = bpf_ktime_get_ns();
	port = sk->__sk_common.skc_num;
	state->flow = flow_of(sk, port >= first_random_port && port <= last_random_port);
	return 0;
}

/* Sockets without connections that the kernel counts for: each call that sends or receives, TCP left out. */
static __always_inline int on_message(struct sock *sk, int result, bool sends)
{
	u32 family = sk->__sk_common.skc_family, transport;
	struct recent_task *task;
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
	task = recent_task(sends ? RECENT_SENT : RECENT_RECEIVED);
	group = task ? task->group : GROUP_OTHER;
	if (group == GROUP_EXCLUDED) {
		note(LEDGER_EXCLUDED);
		return 0;
	}
	sum = traffic_of(group, transport);
	if (!sum)
		return 0;
	/* Plain: each direction has one program, which nothing that adds to the same interrupts. */
	if (sends) {
		sum->sent += result;
		sum->packets_sent++;
	} else {
		sum->received += result;
		sum->packets_received++;
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
