/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Messages over sockets whose traffic the kernel does not count: each call that sends or receives, TCP left out. Part of
 * net.bpf.c, whose counters it adds to.
 *
 * Before Linux 6.3 there are no tracepoints for messages. There the operations of the protocols are looked at as they return:
 * each message passes one of them once, by whatever call it comes (send, sendmmsg, write, io_uring).
 */
#ifndef BPFLOW_NET_MESSAGES_H
#define BPFLOW_NET_MESSAGES_H

/* The traffic that a message belongs to. NULL for one that is not counted. */
static __always_inline struct net_value *message_traffic(u32 family, u32 protocol, int result,
							 u32 program)
{
	struct recent_task *task;
	u32 transport;
	group_t group;

	if (family == AF_UNIX)
		transport = TRANSPORT_UNIX;
	else if ((family == AF_INET || family == AF_INET6) && protocol == IPPROTO_UDP)
		transport = TRANSPORT_UDP;
	else
		return NULL;
	if (result < 0)
		return NULL;
	task = recent_task(program);
	group = task ? task->group : GROUP_OTHER;
	if (group == GROUP_EXCLUDED) {
		note(LEDGER_EXCLUDED);
		return NULL;
	}
	return traffic_of(group, transport);
}

/* Plain: each direction has one program at a tracepoint, which nothing that adds to the same interrupts. */
static __always_inline int on_send(u32 family, u32 protocol, int result)
{
	struct net_value *sum = message_traffic(family, protocol, result, SOCKET_SEND);

	if (sum) {
		sum->sent += result;
		sum->packets_sent++;
	}
	return 0;
}

static __always_inline int on_receive(u32 family, u32 protocol, int result, int flags)
{
	struct net_value *sum;

	if (flags & (MSG_PEEK | MSG_ERRQUEUE))
		return 0;
	sum = message_traffic(family, protocol, result, SOCKET_RECEIVE);
	if (sum) {
		sum->received += result;
		sum->packets_received++;
	}
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(socket_send_btf, struct sock *sk, int result, int flags)
{
	return on_send(sk->__sk_common.skc_family, sk->sk_protocol, result);
}

SEC("tracepoint/sock/sock_send_length")
int socket_send_tp(struct sock_length_record *record)
{
	return on_send(record->family, record->protocol, record->length);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(socket_receive_btf, struct sock *sk, int result, int flags)
{
	return on_receive(sk->__sk_common.skc_family, sk->sk_protocol, result, flags);
}

SEC("tracepoint/sock/sock_recv_length")
int socket_receive_tp(struct sock_length_record *record)
{
	return on_receive(record->family, record->protocol, record->length, record->flags);
}

/* Several programs add to one sum here, and a task may be preempted in one of them. */
static __always_inline int on_sent(struct sock *sk, int result, u32 program)
{
	struct net_value *sum =
		message_traffic(sk->__sk_common.skc_family, sk->sk_protocol, result, program);

	if (sum) {
		__sync_fetch_and_add(&sum->sent, result);
		__sync_fetch_and_add(&sum->packets_sent, 1);
	}
	return 0;
}

static __always_inline int on_received(struct sock *sk, int result, int flags, u32 program)
{
	struct net_value *sum;

	if (flags & (MSG_PEEK | MSG_ERRQUEUE))
		return 0;
	sum = message_traffic(sk->__sk_common.skc_family, sk->sk_protocol, result, program);
	if (sum) {
		__sync_fetch_and_add(&sum->received, result);
		__sync_fetch_and_add(&sum->packets_received, 1);
	}
	return 0;
}

/* The operation that sends over sockets of this type; another one may hand over to it. */
#define SENDS(name, operation, type, program)                                                    \
	SEC("fexit/" #operation)                                                                 \
	int BPF_PROG(socket_send_##name##_fexit, struct socket *socket, void *message, u64 size, \
		     int result)                                                                 \
	{                                                                                        \
		struct sock *sk = socket->sk;                                                    \
                                                                                                 \
		require_lasting_trampolines();                                                   \
		return sk->sk_type == type ? on_sent(sk, result, program) : 0;                   \
	}

#define RECEIVES(name, operation, type, program)                                          \
	SEC("fexit/" #operation)                                                          \
	int BPF_PROG(socket_receive_##name##_fexit, struct socket *socket, void *message, \
		     u64 size, int flags, int result)                                     \
	{                                                                                 \
		struct sock *sk = socket->sk;                                             \
                                                                                          \
		require_lasting_trampolines();                                            \
		return sk->sk_type == type ? on_received(sk, result, flags, program) : 0; \
	}

SENDS(inet, inet_sendmsg, SOCK_DGRAM, SEND_INET)
SENDS(inet6, inet6_sendmsg, SOCK_DGRAM, SEND_INET6)
SENDS(unix_stream, unix_stream_sendmsg, SOCK_STREAM, SEND_UNIX_STREAM)
SENDS(unix_datagram, unix_dgram_sendmsg, SOCK_DGRAM, SEND_UNIX_DATAGRAM)
SENDS(unix_packet, unix_seqpacket_sendmsg, SOCK_SEQPACKET, SEND_UNIX_PACKET)

RECEIVES(inet, inet_recvmsg, SOCK_DGRAM, RECEIVE_INET)
RECEIVES(inet6, inet6_recvmsg, SOCK_DGRAM, RECEIVE_INET6)
RECEIVES(unix_stream, unix_stream_recvmsg, SOCK_STREAM, RECEIVE_UNIX_STREAM)
RECEIVES(unix_datagram, unix_dgram_recvmsg, SOCK_DGRAM, RECEIVE_UNIX_DATAGRAM)
RECEIVES(unix_packet, unix_seqpacket_recvmsg, SOCK_SEQPACKET, RECEIVE_UNIX_PACKET)

/*
 * 6.5, dc97391e6610 "sock: Remove ->sendpage*() in favour of sendmsg(MSG_SPLICE_PAGES)": before, sendfile and splice send page by
 * page, over these two sockets without the operations above. (5.10 takes UDP to sendmsg after all where a device cannot gather
 * pages: that message counts twice.)
 */
SEC("fexit/unix_stream_sendpage")
int BPF_PROG(socket_send_unix_page_fexit, struct socket *socket, void *page, int offset, u64 size,
	     int flags, int result)
{
	require_lasting_trampolines();
	return on_sent(socket->sk, result, SEND_UNIX_PAGE);
}

SEC("fexit/udp_sendpage")
int BPF_PROG(socket_send_udp_page_fexit, struct sock *sk, void *page, int offset, u64 size,
	     int flags, int result)
{
	require_lasting_trampolines();
	return on_sent(sk, result, SEND_UDP_PAGE);
}

#endif
