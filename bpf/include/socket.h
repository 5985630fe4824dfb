/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's sockets as far as these programs read them. */
#ifndef BPFLOW_SOCKET_H
#define BPFLOW_SOCKET_H

#include "kernel.h"

#define AF_UNIX	    1
#define AF_INET	    2
#define AF_INET6    10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define SOCK_STREAM 1

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

struct sock_common {
	u32 skc_daddr;
	u32 skc_rcv_saddr;
	u16 skc_dport;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	volatile unsigned char skc_state;
	unsigned long skc_flags;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	u16 sk_type;
	int sk_err;
};

struct inet_sock {
	u16 inet_sport;
};

struct socket {
	struct sock *sk;
};

struct tcp_sock {
	u64 bytes_received;
	u64 bytes_sent;
	u64 bytes_retrans;
	u32 segs_in;
	u32 segs_out;
	u32 total_retrans;
	u32 srtt_us;
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

static __always_inline u64 payload_received(struct sock *sk, struct tcp_sock *tcp)
{
	u64 received = tcp->bytes_received;
	u64 done = sk->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags, SOCK_DONE);

	return received && (done & 1) ? received - 1 : received;
}

#endif
