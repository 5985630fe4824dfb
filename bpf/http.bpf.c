/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1.x as both of its sides see it. Two programs at the root of the cgroup v2 tree see the packets of the sockets of all network
 * namespaces and let all of them pass; a third sees sockets being closed. A connection whose first payload is no request is let go.
 */
#include "http/early.h"
#include "http/stream.h"

#define PASS 1

/* How often another side may begin to send, in a connection older than the agent, before it is let go. */
#define MOST_TURNS 16

/* Whether a segment begins with what may be a request. One byte may be all that there is of it. */
static __always_inline bool may_be_request(struct __sk_buff *skb, const struct segment *segment,
					   bool sends, bool is_new)
{
	u8 bytes[8] = {};
	u32 length = segment->length < sizeof(bytes) ? segment->length : sizeof(bytes);
	u64 word;

	asm volatile("" : "+r"(length));
	length = ((length - 1) & 7) + 1;
	if (bpf_skb_load_bytes(skb, segment->payload, bytes, length))
		return false;
	word = *(u64 *)bytes;
	if (is_new && bytes[0] == 0x16 && bytes[1] == 3 && bytes[5] == 1)
		count_stray(HTTP_TLS, sends ? HTTP_CLIENT : HTTP_SERVER);
	if (word == WORD('P', 'R', 'I', ' ', '*', ' ', 'H', 'T')) {
		if (is_new)
			count_stray(HTTP_2, sends ? HTTP_CLIENT : HTTP_SERVER);
		return false;
	}
	for (u32 i = 0; i < sizeof(bytes); i++) {
		u8 c = bytes[i];

		if (i && (c == ' ' || !c))
			return true;
		if ((c < 'A' || c > 'Z') && c != '-' && c != '_')
			return false;
	}
	return true;
}

/* A connection whose first request passed at the socket that listens, by its response. */
static __noinline bool is_late_http(struct __sk_buff *skb, struct segment *segment)
{
	struct bpf_sock *socket = skb->sk;
	struct http_connection *connection;
	struct http_early early = {};
	u64 word = 0;

	if (!segment || segment->length < 16 ||
	    bpf_skb_load_bytes(skb, segment->payload, &word, sizeof(word)) ||
	    !begins_response(word))
		return false;
	socket = socket ? bpf_sk_fullsock(socket) : 0;
	if (!socket || !take_early(skb, &early))
		return false;
	connection = bpf_sk_storage_get(&http_connections, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection)
		return false;
	connection->role = HTTP_SERVER;
	connection->is_confirmed = 1;
	connection->waiting[0].since = early.since;
	connection->waiting[0].method = early.method;
	connection->sent = 1;
	/* What the server answers it has read: the next request begins where it has acknowledged. */
	start_stream(&connection->streams[REQUESTS], segment->acknowledged);
	start_stream(&connection->streams[RESPONSES], segment->sequence);
	return true;
}

/*
 * Whether the connection is one of HTTP, by a segment of one that is new, or older than the agent. Of a new one the first byte
 * decides; of an older one, as nobody knows where a message begins, the beginnings of what its sides send in turn.
 */
static __noinline bool is_http(struct __sk_buff *skb, struct segment *segment, bool sends)
{
	struct bpf_sock *socket = skb->sk;
	struct http_connection *connection;
	struct http_watch *watch;
	struct tcp_sock *tcp;
	u32 direction = sends ? SENT : RECEIVED;

	if (!segment)
		return false;
	socket = socket ? bpf_sk_fullsock(socket) : 0;
	if (!socket)
		return false;
	watch = bpf_sk_storage_get(&http_watches, socket, 0, 0);
	if (!watch) {
		watch = bpf_sk_storage_get(&http_watches, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!watch) {
			note(LEDGER_NO_SOCKET);
			return false;
		}
		tcp = bpf_skc_to_tcp_sock(socket);
		/* What is acknowledged includes the SYN. */
		if (tcp)
			watch->is_older = tcp->bytes_received || tcp->bytes_acked > 1;
	}
	if (watch->is_older) {
		if (watch->last == direction)
			return false;
		if (sends && is_late_http(skb, segment)) {
			watch->last = direction;
			watch->verdict = VERDICT_HTTP;
			return true;
		}
		if (watch->turns++ == MOST_TURNS) {
			watch->verdict = VERDICT_LET_GO;
			return false;
		}
	} else if (!sends) {
		tcp = bpf_skc_to_tcp_sock(socket);
		/* Others came before it, so the first one will come. */
		if (tcp && segment->sequence != tcp->rcv_nxt)
			return false;
	}
	watch->last = direction;
	if (!may_be_request(skb, segment, sends, !watch->is_older)) {
		if (!watch->is_older)
			watch->verdict = VERDICT_LET_GO;
		return false;
	}
	connection = bpf_sk_storage_get(&http_connections, socket, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!connection) {
		note(LEDGER_NO_SOCKET);
		watch->verdict = VERDICT_LET_GO;
		return false;
	}
	connection->role = sends ? HTTP_CLIENT : HTTP_SERVER;
	start_stream(&connection->streams[REQUESTS], segment->sequence);
	watch->verdict = VERDICT_HTTP;
	return true;
}

/* Where nobody knows what comes next, what is sent first after the other side has sent is looked at. */
static __always_inline bool find_beginning(struct __sk_buff *skb, const struct segment *segment,
					   struct http_stream *stream, u32 which)
{
	u64 word = 0;

	if (is_behind(stream->sequence, segment->sequence) || segment->length < 16 ||
	    bpf_skb_load_bytes(skb, segment->payload, &word, sizeof(word)))
		return false;
	if (which == RESPONSES ? !begins_response(word)
			       : !may_be_request(skb, segment, true, false))
		return false;
	start_stream(stream, segment->sequence);
	return true;
}

static __always_inline void on_segment(struct __sk_buff *skb, struct segment *segment, bool sends)
{
	struct bpf_sock *socket = skb->sk;
	struct http_connection *connection;
	struct http_watch *watch;
	struct http_stream *stream;
	u32 which, direction = sends ? SENT : RECEIVED;
	bool turns, is_busy;

	socket = socket ? bpf_sk_fullsock(socket) : 0;
	if (!socket)
		return;
	watch = bpf_sk_storage_get(&http_watches, socket, 0, 0);
	if (watch && watch->verdict == VERDICT_LET_GO)
		return;
	if (!watch && socket->state == BPF_TCP_LISTEN) {
		note_early(skb, segment->payload, segment->length);
		return;
	}
	turns = watch && watch->last != direction;
	if (!watch || watch->verdict != VERDICT_HTTP) {
		if (!is_http(skb, segment, sends))
			return;
	} else if (turns) {
		watch->last = direction;
	}
	connection = bpf_sk_storage_get(&http_connections, socket, 0, 0);
	if (!connection)
		return;
	which = sends == sends_requests(connection) ? REQUESTS : RESPONSES;
	stream = &connection->streams[which & 1];
	bpf_spin_lock(&connection->lock);
	is_busy = stream->is_busy;
	if (is_busy)
		note_late(stream, segment->sequence, segment->length);
	stream->is_busy = 1;
	bpf_spin_unlock(&connection->lock);
	if (is_busy)
		return;
	if (stream->phase != PHASE_UNKNOWN ||
	    (turns && find_beginning(skb, segment, stream, which)))
		read_stream(skb, segment, stream, which);
	if (stream->is_late)
		check_late(stream);
	stream->is_busy = 0;
}

SEC("cgroup_skb/egress")
int http_send_cgroup(struct __sk_buff *skb)
{
	struct segment segment;

	if (read_segment(skb, &segment))
		on_segment(skb, &segment, true);
	return PASS;
}

SEC("cgroup_skb/ingress")
int http_receive_cgroup(struct __sk_buff *skb)
{
	struct segment segment;

	if (read_segment(skb, &segment))
		on_segment(skb, &segment, false);
	return PASS;
}

/* A process closes a socket: what waits there has no response any more. */
SEC("cgroup/sock_release")
int http_close_cgroup(struct bpf_sock *socket)
{
	struct http_connection *connection = bpf_sk_storage_get(&http_connections, socket, 0, 0);

	if (!connection)
		return PASS;
	if (!connection->is_owned)
		take_owner(connection);
	count_new_requests(connection);
	give_up(connection);
	return PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
