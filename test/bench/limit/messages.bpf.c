/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// Datagrams and bytes of UDP and UNIX sockets by process and transport: each call that sends or receives, peeks included.
#include "limit.h"

#define AF_UNIX	    1
#define IPPROTO_UDP 17

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock_common {
	unsigned short skc_family;
};
struct sock {
	struct sock_common __sk_common;
	unsigned short sk_protocol;
};
#pragma clang attribute pop

struct key {
	u32 tgid, transport;
};
struct value {
	u64 sent, received, messages_sent, messages_received;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct key);
	__type(value, struct value);
} messages SEC(".maps");

static __always_inline struct value *messages_of(struct sock *sk)
{
	static const struct value zero;
	bool is_unix = sk->__sk_common.skc_family == AF_UNIX;
	struct key key = {.tgid = current_tgid(), .transport = is_unix};

	if (!is_unix && sk->sk_protocol != IPPROTO_UDP)
		return 0;
	return value_of(&messages, &key, &zero);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(send, struct sock *sk, int length)
{
	struct value *value;

	if (length < 0)
		return 0;
	value = messages_of(sk);
	if (!value)
		return 0;
	value->sent += length;
	value->messages_sent++;
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(receive, struct sock *sk, int length)
{
	struct value *value;

	if (length < 0)
		return 0;
	value = messages_of(sk);
	if (!value)
		return 0;
	value->received += length;
	value->messages_received++;
	return 0;
}
