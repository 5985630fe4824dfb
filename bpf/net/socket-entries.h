/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of sockets by their address, and how they are read as memory.
 *
 * An entry is one connection's, or one listener's: made as that begins, deleted as it ends, and told from earlier ones at its address by
 * the time it began. Sockets that begin and end are locked by TCP, so only the walk over the living meets the end of a connection: who
 * credits or deletes holds the lock of the key. An interrupt cannot wait for what it has interrupted, so an end that finds the lock
 * taken leaves what TCP counted in `late_ends`, where the holder looks when it has let go. A connection that begins at the address
 * before that stands aside, under the odd key behind it.
 *
 *	end:	seen = CLOSE; account;	locked? -> credit, delete	taken? -> late_ends[key], and once more
 *	walk:	account;		locked? -> still there? credit	unlock, late_ends[key]? -> credit, delete
 */
#ifndef BPFLOW_NET_SOCKET_ENTRIES_H
#define BPFLOW_NET_SOCKET_ENTRIES_H

/* An entry that is older and whose socket is closed has missed its end: it is made before its socket is open. */
#define MISSED_END_NS 60000000000ull

struct socket_entry {
	struct socket_state state;
	u64 namespace; /* address; 0: there is only one */
	ns_t begun;
	u32 seen; /* TCP state that it changed to last, as far as it is told apart here */
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	/* One by one, as the kernel makes storage in sockets there. */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32768);
	__type(key, u64);
	__type(value, struct socket_entry);
} socket_table SEC(".maps");

/* Keys that are locked: two for each CPU, and the walk's. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u32);
} socket_locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, u64);
	__type(value, struct tcp_account);
} late_ends SEC(".maps");

static __always_inline struct tcp_sock *as_tcp(struct sock *sk)
{
	return (struct tcp_sock *)sk;
}

static __always_inline u64 namespace_of(struct sock *sk)
{
	return bpf_core_field_exists(sk->__sk_common.skc_net)
		       ? (u64)BPF_CORE_READ(sk, __sk_common.skc_net.net)
		       : 0;
}

static __always_inline u32 state_now(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_state);
}

/* `payload_received` and `is_locked` of a socket that is only memory. */
static __always_inline u64 read_received(struct sock *sk, bool ends)
{
	u64 received = BPF_CORE_READ(as_tcp(sk), bytes_received);
	bool locked = false;

	if (!ends) {
		locked = BPF_CORE_READ(sk, sk_lock.owned);
		if (!bpf_core_field_exists(sk->sk_lock.slock.rlock))
			locked = true;
		else if (bpf_core_field_exists(sk->sk_lock.slock.rlock.raw_lock.val.counter))
			locked |= !!BPF_CORE_READ(sk, sk_lock.slock.rlock.raw_lock.val.counter);
	}
	if (received && (locked || BPF_CORE_READ(sk, __sk_common.skc_flags) >>
						   bpf_core_enum_value(enum sock_flags, SOCK_DONE) &
					   1))
		received--;
	return received;
}

/* `ends`: nobody changes it any more. */
static __always_inline void read_account(struct tcp_account *now, struct sock *sk, bool ends)
{
	struct tcp_sock *tcp = as_tcp(sk);

	now->received = read_received(sk, ends);
	now->sent = BPF_CORE_READ(tcp, bytes_sent);
	now->sent -= BPF_CORE_READ(tcp, bytes_retrans);
	now->packets_sent = BPF_CORE_READ(tcp, segs_out);
	now->packets_received = BPF_CORE_READ(tcp, segs_in);
	now->retransmits = BPF_CORE_READ(tcp, total_retrans);
	now->rtt = BPF_CORE_READ(tcp, srtt_us);
	now->error = BPF_CORE_READ(sk, sk_err);
}

static __always_inline struct sock *socket_at(u64 key)
{
	return (struct sock *)(key & ~1ull);
}

/* `key`: the socket's address, and then where its entry is. */
static __always_inline struct socket_entry *find_entry(u64 *key)
{
	struct socket_entry *entry = bpf_map_lookup_elem(&socket_table, key), *aside;
	u64 odd = *key + 1;

	if (entry && entry->seen != TCP_CLOSE)
		return entry;
	aside = bpf_map_lookup_elem(&socket_table, &odd);
	if (!aside)
		return entry;
	*key = odd;
	return aside;
}

static __always_inline bool lock_entry(u64 key)
{
	u32 taken = 1;

	return !bpf_map_update_elem(&socket_locks, &key, &taken, BPF_NOEXIST);
}

/* Under the lock. */
static __always_inline void settle(u64 key, const struct tcp_account *last)
{
	struct socket_entry *entry = bpf_map_lookup_elem(&socket_table, &key);

	if (!entry)
		return;
	if (last->from != TCP_LISTEN && entry->state.group != GROUP_EXCLUDED)
		credit_last(&entry->state, last, false);
	bpf_map_delete_elem(&socket_table, &key);
}

/* Under the lock: an end that came while somebody else held it. */
static __noinline int settle_late(u64 key)
{
	struct tcp_account *late = bpf_map_lookup_elem(&late_ends, &key), last;

	if (!late)
		return 0;
	last = *late;
	settle(key, &last);
	bpf_map_delete_elem(&late_ends, &key);
	return 0;
}

static __noinline int unlock_entry(u64 key)
{
	bpf_map_delete_elem(&socket_locks, &key);
	if (!bpf_map_lookup_elem(&late_ends, &key) || !lock_entry(key))
		return 0;
	settle_late(key);
	bpf_map_delete_elem(&socket_locks, &key);
	return 0;
}

static __noinline bool add_entry(u64 key, struct socket_entry *entry)
{
	bool added;

	if (!entry)
		return false;
	if (!bpf_map_update_elem(&socket_table, &key, entry, BPF_NOEXIST))
		return true;
	/* It is full; or the end of what was there before was missed, or is not settled yet. */
	if (!bpf_map_lookup_elem(&socket_table, &key))
		return false;
	if (!lock_entry(key)) {
		key++;
		return !bpf_map_update_elem(&socket_table, &key, entry, BPF_NOEXIST);
	}
	settle_late(key);
	bpf_map_delete_elem(&socket_table, &key);
	added = !bpf_map_update_elem(&socket_table, &key, entry, BPF_NOEXIST);
	unlock_entry(key);
	return added;
}

#endif
