/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sockets in a table by their address, for programs that have no storage in them: those of tracepoints before Linux 5.11, and those
 * of trace events. Sockets are read as memory, and an accepted one is known by its listener's address, which it still carries.
 */
#ifndef BPFLOW_NET_BY_ADDRESS_H
#define BPFLOW_NET_BY_ADDRESS_H

#include "socket-entries.h"

static __always_inline void start_entry(struct socket_entry *entry, struct sock *sk, u32 seen)
{
	entry->namespace = namespace_of(sk);
	entry->begun = bpf_ktime_get_ns();
	entry->seen = seen;
}

/* Connects or listens, in the process that owns the socket. */
static __always_inline bool begin_at(struct sock *sk, bool connects)
{
	struct task_struct *current = get_current();
	struct socket_entry entry = {};
	struct tcp_account now;

	start_entry(&entry, sk, connects ? TCP_SYN_SENT : TCP_LISTEN);
	read_account(&now, sk, true);
	own_account(&entry.state, &now, current_group());
	set_origin(&entry.state.origin, BPF_CORE_READ(current, tgid), cgroup_id_of(current));
	if (connects) {
		entry.state.flow = flow_of(sk, true);
		entry.state.connecting_since = entry.begun;
	}
	return add_entry((u64)sk, &entry);
}

/*
 * A socket that is to be accepted is a copy of the one that listens, down to the empty list of segments it has sent: until TCP
 * sets that up a moment later, it leads to the listener's own.
 */
static __always_inline u64 listener_of(struct sock *sk)
{
	struct tcp_sock *tcp = as_tcp(sk);
	u64 place = (u64)&tcp->tsorted_sent_queue - (u64)tcp;

	return (u64)BPF_CORE_READ(tcp, tsorted_sent_queue.next) - place;
}

static __always_inline bool accept_at(struct sock *sk)
{
	struct socket_entry entry = {}, *listener, *same;
	u64 key = listener_of(sk);

	listener = find_entry(&key);
	if (listener && listener->seen == TCP_LISTEN) {
		ns_t begun = listener->begun;

		entry.state = listener->state;
		/* It may be closed meanwhile, and its entry another's. */
		same = bpf_map_lookup_elem(&socket_table, &key);
		if (same != listener || same->begun != begun)
			__builtin_memset(&entry.state, 0, sizeof(entry.state));
	}
	start_entry(&entry, sk, TCP_SYN_RECV);
	return add_entry((u64)sk, &entry);
}

/* One that nobody knows was begun before the agent was, or by a listener that was in no process then. */
static __always_inline bool establish_at(struct sock *sk, int from)
{
	u64 key = (u64)sk;
	struct socket_entry entry = {}, *known = find_entry(&key);

	if (!known || known->seen == TCP_CLOSE) {
		start_entry(&entry, sk, TCP_SYN_RECV);
		if (!add_entry((u64)sk, &entry))
			return false;
		key = (u64)sk;
		known = find_entry(&key);
		if (!known)
			return false;
	}
	known->seen = TCP_ESTABLISHED;
	note_established(&known->state, sk, from,
			 bpf_core_field_exists(as_tcp(sk)->tcp_clock_cache)
				 ? BPF_CORE_READ(as_tcp(sk), tcp_clock_cache)
				 : bpf_ktime_get_ns(),
			 false);
	return true;
}

static __always_inline bool end_at(struct sock *sk, int from)
{
	u64 key = (u64)sk;
	struct socket_entry *entry = find_entry(&key);
	struct tcp_account last = {};

	if (!entry || entry->seen == TCP_CLOSE)
		return from == TCP_LISTEN || from == TCP_CLOSE;
	entry->seen = TCP_CLOSE;
	read_account(&last, sk, true);
	last.from = from;
	if (from != TCP_LISTEN && entry->state.group == GROUP_EXCLUDED)
		note(LEDGER_EXCLUDED);
	else if (from != TCP_LISTEN)
		tell_end(&entry->state.origin, sk, last.sent, last.received);
	if (lock_entry(key)) {
		settle(key, &last);
		bpf_map_delete_elem(&socket_locks, &key);
		return true;
	}
	if (bpf_map_update_elem(&late_ends, &key, &last, BPF_ANY))
		return false;
	if (lock_entry(key)) {
		settle_late(key);
		bpf_map_delete_elem(&socket_locks, &key);
	}
	return true;
}

/*
 * A change of state. Two programs see each: the second one, `again`, does what the kernel left the first one out of, because that or
 * another one was running on this CPU. No interrupt comes into both of them at once.
 */
static __always_inline int change_at(struct sock *sk, int from, int to, bool again)
{
	bool accepts = from == TCP_LISTEN && to == TCP_SYN_RECV, noted;
	struct socket_entry *entry;
	u64 key = (u64)sk;

	if (!accepts && to != TCP_SYN_SENT && to != TCP_LISTEN && to != TCP_ESTABLISHED &&
	    to != TCP_CLOSE)
		return 0;
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (again) {
		entry = find_entry(&key);
		if (entry ? entry->seen == (u32)to : to == TCP_CLOSE)
			return 0;
	}
	if (to == TCP_ESTABLISHED)
		noted = establish_at(sk, from);
	else if (to == TCP_CLOSE)
		noted = end_at(sk, from);
	else
		noted = accepts ? accept_at(sk) : begin_at(sk, to == TCP_SYN_SENT);
	if (!noted && !again)
		note(LEDGER_NO_SOCKET);
	return 0;
}

/* Whether there is still the socket at the address that the entry was made for. */
static __always_inline bool is_there(struct socket_entry *entry, struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	       namespace_of(sk) == entry->namespace;
}

/* Under the lock. */
static __always_inline void drop_closed(struct socket_entry *entry, u64 key, bool there)
{
	if (there && bpf_ktime_get_ns() - entry->begun < MISSED_END_NS)
		return;
	bpf_map_delete_elem(&socket_table, &key);
	note(LEDGER_NO_SOCKET);
}

/*
 * What TCP has counted is read before the lock is taken, so that it is held for a moment only; the entry that is found under the
 * lock says whether it was the same socket until then.
 */
SEC("iter/bpf_map_elem")
int living_sockets_table(struct bpf_iter__bpf_map_elem *ctx)
{
	struct socket_entry *entry = ctx->value;
	struct node *shared = get_node();
	u64 *place = ctx->key, key;
	struct tcp_account now = {};
	struct sock *sk;
	ns_t begun;
	bool there;
	u32 state;

	if (!entry || !place || !shared)
		return 0;
	key = *place;
	begun = entry->begun;
	sk = socket_at(key);
	state = state_now(sk);
	there = is_there(entry, sk);
	read_account(&now, sk, false);
	if (!lock_entry(key))
		return 0;
	entry = bpf_map_lookup_elem(&socket_table, &key);
	if (entry && entry->begun == begun && entry->seen != TCP_CLOSE) {
		if (!there || state == TCP_CLOSE)
			drop_closed(entry, key, there);
		else
			credit_living(&entry->state, &now, shared, state);
	}
	unlock_entry(key);
	return 0;
}

/* Lists the connections there are, for who asks. */
SEC("iter/bpf_map_elem")
int listed_sockets_table(struct bpf_iter__bpf_map_elem *ctx)
{
	struct socket_entry *entry = ctx->value;
	struct socket_record record = {};
	struct tcp_account now = {};
	u64 *place = ctx->key;
	struct sock *sk;
	ns_t begun;

	if (!entry || !place)
		return 0;
	sk = socket_at(*place);
	begun = entry->begun;
	if (!entry->state.origin.opened || entry->state.group == GROUP_EXCLUDED)
		return 0;
	describe_socket(&record, &entry->state.origin, sk);
	read_account(&now, sk, false);
	record.sent = now.sent;
	record.received = now.received;
	/* It may have ended meanwhile. */
	if (!is_there(entry, sk) || state_now(sk) == TCP_CLOSE || entry->seen == TCP_CLOSE ||
	    entry->begun != begun)
		return 0;
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

/* 5.11, 4f19cab76136 "bpf: Add a bpf_sock_from_file helper": before, a file that is a socket's has that one behind it. */
static __always_inline struct sock *socket_behind(struct file *file)
{
	struct socket *socket;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return socket && BPF_CORE_READ(socket, file) == file ? BPF_CORE_READ(socket, sk) : NULL;
}

static __always_inline bool is_tcp(struct sock *sk)
{
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) &&
	       BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	       BPF_CORE_READ(sk, sk_type) == SOCK_STREAM;
}

/* Once, at the start: sockets that are older than the agent belong to a process that has them open. */
SEC("iter/task_file")
int older_sockets_table(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket_entry entry = {};
	struct tcp_account now = {};
	struct task_state *owner;
	struct sock *sk;
	u32 state;
	u64 key;

	if (!task || !file)
		return 0;
	sk = socket_behind(file);
	key = (u64)sk;
	if (!sk || !is_tcp(sk) || find_entry(&key))
		return 0;
	state = state_now(sk);
	if (state == TCP_CLOSE)
		return 0;
	owner = get_state(task, false);
	read_account(&now, sk, false);
	own_account(&entry.state, &now, owner && owner->css_set ? owner->group : GROUP_OTHER);
	set_origin(&entry.state.origin, BPF_CORE_READ(task, tgid), cgroup_id_of(task));
	start_entry(&entry, sk, state);
	if (state != TCP_LISTEN && state != TCP_SYN_SENT) {
		entry.seen = TCP_ESTABLISHED;
		entry.state.origin.opened = entry.begun;
	}
	if (state != TCP_LISTEN)
		entry.state.flow = flow_of(sk, has_random_port(sk));
	if (!add_entry((u64)sk, &entry))
		note(LEDGER_NO_SOCKET);
	return 0;
}

#endif
