/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPFLOW_NET_H
#define BPFLOW_NET_H

#include "include/hist.h"
#include "include/types.h"

enum transport {
	TRANSPORT_TCP,
	TRANSPORT_UDP,
	TRANSPORT_UNIX,
};

struct net_key {
	group_t group;
	u32 flow; /* enum transport, or the id of a flow of TCP */
};

#define FIRST_FLOW 16 /* ids below are transports */

/* What tells the TCP connections of a group apart on request; the rest is 0, as ports are that were chosen at random. */
struct flow_key {
	u64 peer_high; /* address in network order, IPv4 as ::ffff:a.b.c.d */
	u64 peer_low;
	u32 peer_port;
	u32 local_port;
};

struct flow_value {
	u32 id;
	u32 reserved;
};

struct flow_life {
	u64 generation; /* the last collection that saw a socket of the flow */
};

/* What went over the sockets of a group. From `retransmits` on only TCP counts. */
struct net_value {
	count_t packets_sent;
	count_t packets_received;
	bytes_t sent;
	bytes_t received;
	count_t retransmits;
	count_t opened; /* connections that this side began and that were established */
	count_t accepted;
	count_t reset; /* connections that the peer ended by a reset */
};

struct connect_error_key {
	group_t group;
	errno_t error; /* 0: given up by this side, or not told */
	u32 flow;
	u32 reserved;
};

struct connect_error_value {
	count_t count;
};

/* Histograms of TCP by group. */
enum tcp_time {
	TCP_CONNECT,
	TCP_RTT,
	TCP_TIMES,
};

struct tcp_time_key {
	group_t group;
	u32 time; /* enum tcp_time */
};

struct connection_key {
	group_t group;
	u32 state; /* TCP state by the kernel's number */
};

/* Connections that are open now, as the last collection saw them. */
struct connection_value {
	u64 generation; /* of the collection that counted them */
	count_t count;
	count_t measured; /* those with a round-trip time */
	u64 rtt; /* sum of their smoothed round-trip times, microseconds */
};

/* One TCP connection as its owner sees it: before any address translation. */
struct socket_record {
	ns_t opened; /* monotonic clock; of one that is older than the agent when it was found */
	ns_t closed; /* 0: it is open */
	cgroup_id_t cgroup; /* that who connected or listened was in */
	bytes_t sent; /* payload since it began, what was before the agent included */
	bytes_t received;
	pid_type pid; /* of who connected or listened */
	u32 is_ipv6;
	u32 local_port;
	u32 peer_port;
	u32 local_address[4]; /* as on the wire; of IPv4 the first word */
	u32 peer_address[4];
};

#endif
