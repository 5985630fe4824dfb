/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A request that comes in the segment that establishes a connection, as TCP_DEFER_ACCEPT makes all do (Apache's default), passes
 * at the socket that listens: the other one is not there yet. It is remembered until that one responds.
 */
#ifndef BPFLOW_HTTP_EARLY_H
#define BPFLOW_HTTP_EARLY_H

#include "line.h"

struct http_path {
	u64 namespace; /* address; 0: there is only one */
	u32 local[4]; /* as on the wire; of IPv4 the first word */
	u32 peer[4];
	u16 local_port;
	u16 peer_port;
	u32 reserved;
};

struct http_early {
	ns_t since;
	u32 method;
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct http_path);
	__type(value, struct http_early);
} http_early SEC(".maps");

static __always_inline bool name_path(struct __sk_buff *skb, struct bpf_sock *socket, bool sends,
				      struct http_path *path)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(socket);
	u32 header = IPV6_HEADER;
	u16 ports[2] = {};
	u8 first = 0;

	if (!tcp || bpf_skb_load_bytes(skb, 0, &first, sizeof(first)))
		return false;
	if (bpf_core_field_exists(((struct sock *)tcp)->__sk_common.skc_net))
		path->namespace = (u64)((struct sock *)tcp)->__sk_common.skc_net.net;
	if (first >> 4 == 4) {
		header = (first & 0xf) * 4;
		bpf_skb_load_bytes(skb, 12, sends ? path->local : path->peer, 4);
		bpf_skb_load_bytes(skb, 16, sends ? path->peer : path->local, 4);
	} else {
		bpf_skb_load_bytes(skb, 8, sends ? path->local : path->peer, 16);
		bpf_skb_load_bytes(skb, 24, sends ? path->peer : path->local, 16);
	}
	if (bpf_skb_load_bytes(skb, header, ports, sizeof(ports)))
		return false;
	path->local_port = sends ? ports[0] : ports[1];
	path->peer_port = sends ? ports[1] : ports[0];
	return true;
}

/* A segment at a socket that listens. */
static __noinline int note_early(struct __sk_buff *skb, u32 payload, u32 length)
{
	struct bpf_sock *socket = skb->sk;
	struct http_early early = {};
	struct http_path path = {};
	u8 window[WINDOW] = {};

	socket = socket ? bpf_sk_fullsock(socket) : 0;
	if (!socket || !name_path(skb, socket, false, &path))
		return 0;
	if (length > WINDOW)
		length = WINDOW;
	asm volatile("" : "+r"(length));
	length = ((length - 1) & (WINDOW - 1)) + 1;
	if (bpf_skb_load_bytes(skb, payload, window, length))
		return 0;
	early.method = method_of(window);
	if (early.method == NO_METHOD)
		return 0;
	early.since = bpf_ktime_get_ns();
	bpf_map_update_elem(&http_early, &path, &early, BPF_ANY);
	return 0;
}

/* Whether the first that the socket sends responds to such a request; it is found once. */
static __noinline bool take_early(struct __sk_buff *skb, struct http_early *early)
{
	struct bpf_sock *socket = skb->sk;
	struct http_early *found;
	struct http_path path = {};

	if (!early)
		return false;
	socket = socket ? bpf_sk_fullsock(socket) : 0;
	if (!socket || !name_path(skb, socket, true, &path))
		return false;
	found = bpf_map_lookup_elem(&http_early, &path);
	if (!found)
		return false;
	*early = *found;
	bpf_map_delete_elem(&http_early, &path);
	return true;
}

#endif
