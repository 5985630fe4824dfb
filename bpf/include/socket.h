/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's sockets as far as these programs read them. */
#ifndef BPFLOW_SOCKET_H
#define BPFLOW_SOCKET_H

#include "kernel.h"
#include <bpf/bpf_endian.h>

#define AF_UNIX	       1
#define AF_INET	       2
#define AF_INET6       10
#define IPPROTO_TCP    6
#define IPPROTO_UDP    17
#define SOCK_STREAM    1
#define SOCK_DGRAM     2
#define SOCK_SEQPACKET 5

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT	2
#define TCP_SYN_RECV	3
#define TCP_CLOSE	7
#define TCP_LISTEN	10

#define MSG_PEEK     0x2
#define MSG_ERRQUEUE 0x2000

#define EPIPE	   32
#define ECONNRESET 104

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	u8 bytes[16];
};

struct net;

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	possible_net_t skc_net;
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	u16 skc_num;
	volatile unsigned char skc_state;
	unsigned long skc_flags;
};

struct qspinlock {
	atomic_t val;
};

typedef struct qspinlock arch_spinlock_t;

struct raw_spinlock {
	arch_spinlock_t raw_lock;
};

struct spinlock {
	struct raw_spinlock rlock;
};

typedef struct spinlock spinlock_t;

typedef struct {
	spinlock_t slock;
	int owned;
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	u16 sk_protocol;
	u16 sk_type;
	int sk_err;
};

struct inet_sock {
	u16 inet_sport;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct list_head {
	struct list_head *next;
};

struct tcp_sock {
	u64 bytes_received;
	u64 bytes_acked;
	u64 bytes_sent;
	u64 bytes_retrans;
	u32 segs_in;
	u32 segs_out;
	u32 total_retrans;
	u32 srtt_us;
	u64 tcp_clock_cache;
	u32 rcv_nxt;
	struct list_head tsorted_sent_queue;
};

enum sock_flags {
	SOCK_DEAD,
	SOCK_DONE,
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	u32 fd;
	struct file *file;
};

#pragma clang attribute pop

/* Payload alone: what TCP sent for the first time, and what came in order without the FIN, which TCP counts as a byte. */
static __always_inline u64 payload_sent(struct tcp_sock *tcp)
{
	return tcp->bytes_sent - tcp->bytes_retrans;
}

static __always_inline bool is_done(struct sock *sk)
{
	return sk->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags, SOCK_DONE) & 1;
}

static __always_inline u64 payload_received(struct sock *sk, struct tcp_sock *tcp)
{
	u64 received = tcp->bytes_received;

	return received && is_done(sk) ? received - 1 : received;
}

/* Whether a process has locked the socket; packets are handled in softirqs else. */
static __always_inline bool is_owned(struct sock *sk)
{
	return sk->sk_lock.owned;
}

/* Real-time kernels have another lock, and softirqs there are threads. */
static __always_inline bool is_real_time(void)
{
	return !bpf_core_field_exists(struct spinlock, rlock);
}

/*
 * Whether somebody may be in the middle of changing the socket. Of the lock of real-time kernels the state is not known;
 * kernels for one CPU have none.
 */
static __always_inline bool is_locked(struct sock *sk)
{
	if (is_owned(sk) || is_real_time())
		return true;
	if (!bpf_core_field_exists(sk->sk_lock.slock.rlock.raw_lock.val.counter))
		return false;
	return sk->sk_lock.slock.rlock.raw_lock.val.counter;
}

/*
 * `payload_received` of a socket that somebody may be changing. Between the arrival of a FIN and the note of it the socket is
 * locked: then the last byte waits for the next time.
 */
static __always_inline u64 payload_received_until_now(struct sock *sk, struct tcp_sock *tcp)
{
	u64 received = tcp->bytes_received;
	bool locked;

	barrier();
	locked = is_locked(sk);
	barrier();
	return received && (locked || is_done(sk)) ? received - 1 : received;
}

/* The local port in the common part is gone by the time a socket closes. */
static __always_inline u32 local_port_of(struct sock *sk)
{
	struct inet_sock *inet = (void *)sk;

	return bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
}

static __always_inline u32 peer_port_of(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

/* Both as on the wire, four words each; of IPv4 the first one. Returns whether they are IPv6. */
static __always_inline bool read_socket_addresses(struct sock *sk, u32 *local, u32 *peer)
{
	__builtin_memset(local, 0, sizeof(struct in6_addr));
	__builtin_memset(peer, 0, sizeof(struct in6_addr));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		BPF_CORE_READ_INTO((struct in6_addr *)local, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO((struct in6_addr *)peer, sk, __sk_common.skc_v6_daddr);
		return true;
	}
	local[0] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	peer[0] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	return false;
}

#endif
