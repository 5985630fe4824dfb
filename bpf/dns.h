/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPFLOW_DNS_H
#define BPFLOW_DNS_H

#include "include/hist.h"
#include "include/types.h"

#define DNS_PORTS	   4
#define DNS_NAME_LENGTH	   128 /* of a name that is told apart, with its zero */
#define DNS_MESSAGE_LENGTH 512 /* of a message that an event carries, at most */
#define DNS_NO_NAME	   0
#define DNS_OTHER_RCODE	   24 /* the codes above those that have a name are one */

enum dns_transport {
	DNS_UDP,
	DNS_TCP,
	DNS_TRANSPORTS,
};

struct dns_key {
	group_t group;
	u32 name; /* id of the name asked for, DNS_NO_NAME unless names are told apart */
	u32 type; /* of the question; 0 for those that have no series of their own */
	u32 transport; /* enum dns_transport */
};

/* At rest: queries = repeated + unanswered + the responses of struct dns_answer_value + those that still wait. */
struct dns_value {
	count_t queries; /* repeated ones included */
	count_t repeated; /* sent again before there was a response */
	count_t unanswered; /* another question took its socket and id */
};

struct dns_answer_key {
	group_t group;
	u32 name;
	u32 type;
	u32 rcode; /* with the upper bits of an error that EDNS tells */
};

struct dns_answer_value {
	count_t responses;
};

/* A name as on the wire, in lower case; the rest is zero. */
struct dns_name_key {
	char name[DNS_NAME_LENGTH];
};

struct dns_name_value {
	u32 id;
	u32 reserved;
};

struct dns_waiting_key {
	u64 socket; /* its cookie */
	u32 id; /* of the message */
	u32 reserved;
};

/* A query without a response; behind it whom it concerns. */
struct dns_waiting {
	ns_t since; /* monotonic clock, of its first sending */
	u64 question; /* hash */
	group_t group;
	u32 name;
	u32 type;
	u32 transport;
};

/* Messages that are of no process. Index of the per-CPU array `dns_strays`. */
enum dns_stray {
	DNS_UNMATCHED, /* responses that answer no query that waits */
	DNS_MALFORMED_SENT,
	DNS_MALFORMED_RECEIVED,
	DNS_STRAYS,
};

struct dns_stray_value {
	count_t count;
};

/* Behind the header of an event, with `copied` bytes of the message behind it. */
struct dns_body {
	ns_t latency; /* of a response */
	u32 transport;
	u32 is_ipv6;
	u32 local_port;
	u32 peer_port;
	u32 local_address[4]; /* as on the wire; of IPv4 the first word */
	u32 peer_address[4];
	u32 length; /* of the message */
	u32 copied;
	u32 repeated; /* 1: the query was sent before */
	u32 rcode;
};

#endif
