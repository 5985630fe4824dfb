/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * 5.11, 8e4597c627fb "bpf: Allow using bpf_sk_storage in FENTRY/FEXIT/RAW_TP": before, programs of tracepoints have no storage in
 * sockets. What is known of a socket then stands in a table by its address, from its connect or listen, or from its acceptance,
 * until it closes. An accepted socket is a copy of the one that listens, which its address does not tell: it is that of its port.
 */
#ifndef BPFLOW_SOCKET_TABLE_H
#define BPFLOW_SOCKET_TABLE_H

#include "socket.h"

/* Where the state of a socket lives: its storage, else a table. The map of the other is not created. */
const volatile bool use_socket_storage = true;

struct listener_key {
	u64 namespace; /* address; 0: there is only one */
	u32 port;
	u32 family;
};

static __always_inline void name_listener(struct sock *sk, struct listener_key *key)
{
	key->namespace = bpf_core_field_exists(sk->__sk_common.skc_net)
				 ? (u64)BPF_CORE_READ(sk, __sk_common.skc_net.net)
				 : 0;
	key->port = sk->__sk_common.skc_num;
	key->family = sk->__sk_common.skc_family;
}

#endif
