/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is known of a TCP connection on one side of it, in the storage of its socket. */
#ifndef BPFLOW_HTTP_CONNECTION_H
#define BPFLOW_HTTP_CONNECTION_H

#include "counts.h"
#include "packet.h"

/* Bytes that are looked at in one step: all of a line that matters, or both of its ends. */
#define WINDOW	  32
#define LINE_TAIL 16

/* Requests without a response that are remembered for each connection. */
#define HTTP_WAITING 32

/* Of each connection with payload: whether it is one of HTTP. */
struct http_watch {
	u32 verdict; /* VERDICT_… */
	u32 turns; /* of one older than the agent: how often another side than before has sent */
	u32 last; /* direction of what was last looked at: SENT, RECEIVED */
	u32 is_older; /* than the agent */
};

#define VERDICT_NONE   0
#define VERDICT_HTTP   1
#define VERDICT_LET_GO 2

#define SENT	 1
#define RECEIVED 2

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct http_watch);
} http_watches SEC(".maps");

/*
 * One direction of a connection. `sequence` is of the byte that comes next; `skip` bytes of a body lie before what is to be read,
 * so bodies and segments that come again cost nothing and are never taken for heads.
 */
struct http_stream {
	u64 skip;
	u64 length; /* of the body, as the head has it; NO_LENGTH */
	ns_t since; /* when the message's first byte passed */
	u32 sequence;
	u32 phase; /* PHASE_… */
	u32 in_line; /* the first WINDOW bytes of a line were looked at */
	u32 keeps_tail; /* the end of this line matters, too */
	u32 kept; /* bytes in `window` that were read before */
	u32 method; /* of a request */
	u32 is_chunked;
	u32 is_bare; /* there is no body whatever the head says */
	u32 is_last; /* what comes behind the head is no HTTP any more */
	u32 is_busy; /* a packet is being read */
	u32 is_late; /* there is something between the next two */
	u32 late_from; /* seen behind a gap, so it cannot be read when its turn comes */
	u32 late_to;
	u32 acknowledged; /* by the segment that is being read */
	u8 window[2 * WINDOW];
};

#define NO_LENGTH (~0ull)

#define PHASE_UNKNOWN 0 /* waits for a segment that begins with a message */
#define PHASE_START   1 /* of a message */
#define PHASE_HEADER  2
#define PHASE_CHUNK   3 /* the line before it */
#define PHASE_TRAILER 4

#define REQUESTS  0
#define RESPONSES 1

/* A request without a response. */
struct http_waiting {
	ns_t since;
	u32 index; /* of all requests of the connection */
	u32 method;
};

struct http_connection {
	struct bpf_spin_lock lock; /* around the next three, and what is busy and late of streams */
	u32 sent; /* requests, the first `counted` of which are, and `answered` have a response */
	u32 counted;
	u32 answered;
	u32 role;
	group_t group;
	u32 is_owned; /* the group is known */
	u32 is_confirmed; /* there was a whole request line */
	struct http_stream streams[2];
	struct http_waiting waiting[HTTP_WAITING];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct http_connection);
} http_connections SEC(".maps");

/*
 * Requests that came before anybody knew whose they are count for the group of the connection now. Whoever moves `counted` over
 * them counts them.
 */
static __always_inline void count_new_requests(struct http_connection *connection)
{
	u32 from, to;

	bpf_spin_lock(&connection->lock);
	from = connection->counted;
	to = connection->sent;
	connection->counted = to;
	bpf_spin_unlock(&connection->lock);
	for (int i = 0; i < HTTP_WAITING; i++) {
		if (from == to)
			break;
		count_request(connection->group, connection->role,
			      connection->waiting[from % HTTP_WAITING].method);
		from++;
	}
}

/* The same of the socket of a packet: a function of its own to the verifier. */
__noinline int http_count_new(struct __sk_buff *skb)
{
	struct bpf_sock *socket = skb->sk;
	struct http_connection *connection;

	socket = socket ? bpf_sk_fullsock(socket) : 0;
	connection = socket ? bpf_sk_storage_get(&http_connections, socket, 0, 0) : 0;
	if (connection)
		count_new_requests(connection);
	return 0;
}

/* Nobody will answer what waits. */
static __always_inline void give_up(struct http_connection *connection)
{
	u32 from, to;

	bpf_spin_lock(&connection->lock);
	from = connection->answered;
	to = connection->sent;
	connection->answered = to;
	bpf_spin_unlock(&connection->lock);
	for (int i = 0; i < HTTP_WAITING; i++) {
		struct http_waiting *waiting = &connection->waiting[from % HTTP_WAITING];

		if (from == to)
			return;
		count_unanswered(connection->group, connection->role,
				 waiting->index == from ? waiting->method : HTTP_OTHER_METHOD, 1);
		from++;
	}
	if (from != to)
		count_unanswered(connection->group, connection->role, HTTP_OTHER_METHOD, to - from);
}

static __always_inline void take_owner(struct http_connection *connection)
{
	connection->group = find_group((struct task_struct *)bpf_get_current_task());
	connection->is_owned = 1;
}

/*
 * A connection belongs to the process in whose call it first sends HTTP. A packet may leave in whatever task is interrupted, but
 * then nobody has locked the socket: interrupts leave one alone that a process has.
 */
static __always_inline void find_owner(struct __sk_buff *skb, struct http_connection *connection)
{
	struct bpf_sock *socket = skb->sk;
	struct tcp_sock *tcp;

	if (connection->is_owned || !socket)
		return;
	tcp = bpf_skc_to_tcp_sock(socket);
	if (tcp && is_owned((struct sock *)tcp))
		take_owner(connection);
}

#endif
