/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What lines say: requests, responses, and where the next message begins. */
#ifndef BPFLOW_HTTP_MESSAGES_H
#define BPFLOW_HTTP_MESSAGES_H

#include "line.h"

static __always_inline bool sends_requests(const struct http_connection *connection)
{
	return connection->role == HTTP_CLIENT;
}

static __always_inline void let_go(struct bpf_sock *socket)
{
	struct http_watch *watch = bpf_sk_storage_get(&http_watches, socket, 0, 0);

	if (watch)
		watch->verdict = VERDICT_LET_GO;
	bpf_sk_storage_delete(&http_connections, socket);
}

/*
 * What is no HTTP. A connection that never was any is let go; one that is older than the agent may only have been in the middle of
 * something. In others the next message is waited for.
 */
static __always_inline int refuse(struct bpf_sock *socket, struct http_connection *connection,
				  struct http_stream *stream, u32 which)
{
	struct http_watch *watch;

	if (connection->is_confirmed) {
		count_stray(which == REQUESTS ? HTTP_MALFORMED_REQUEST : HTTP_MALFORMED_RESPONSE,
			    connection->role & 1);
		stream->phase = PHASE_UNKNOWN;
		return 1;
	}
	watch = bpf_sk_storage_get(&http_watches, socket, 0, 0);
	if (watch)
		watch->verdict = watch->is_older ? VERDICT_NONE : VERDICT_LET_GO;
	bpf_sk_storage_delete(&http_connections, socket);
	return 1;
}

/* A whole request line. What its segment acknowledges is where the response will begin, unless others are waited for. */
static __always_inline void begin_request(struct __sk_buff *skb, struct http_connection *connection,
					  struct http_stream *stream)
{
	struct http_stream *responses = &connection->streams[RESPONSES];
	struct http_waiting *waiting;
	u32 sent, outstanding;

	connection->is_confirmed = 1;
	if (sends_requests(connection))
		find_owner(skb, connection);
	if (responses->phase == PHASE_UNKNOWN) {
		/* Their responses were not understood. */
		bpf_spin_lock(&connection->lock);
		connection->answered = connection->sent;
		bpf_spin_unlock(&connection->lock);
		responses->sequence = stream->acknowledged;
		responses->skip = 0;
		responses->kept = 0;
		responses->in_line = 0;
		responses->keeps_tail = 0;
		responses->phase = PHASE_START;
	}
	sent = connection->sent;
	outstanding = sent - connection->answered;
	if (outstanding >= HTTP_WAITING || sent - connection->counted >= HTTP_WAITING)
		http_count_new(skb);
	if (outstanding >= HTTP_WAITING) {
		note(LEDGER_HTTP_WAITING_FULL);
		bpf_spin_lock(&connection->lock);
		connection->sent++;
		connection->counted++;
		bpf_spin_unlock(&connection->lock);
		count_request(connection->group, connection->role, stream->method);
		return;
	}
	waiting = &connection->waiting[sent % HTTP_WAITING];
	waiting->since = stream->since;
	waiting->index = sent;
	waiting->method = stream->method;
	bpf_spin_lock(&connection->lock);
	connection->sent++;
	bpf_spin_unlock(&connection->lock);
	if (connection->is_owned)
		http_count_new(skb);
}

/* A status line. Which body comes behind its head depends on the request that it answers. */
static __always_inline void begin_response(struct __sk_buff *skb,
					   struct http_connection *connection,
					   struct http_stream *stream, u32 status)
{
	u32 index, method = HTTP_OTHER_METHOD, role = connection->role & 1;
	struct http_waiting *waiting;
	bool is_interim = status < 200 && status != 101, is_awaited;

	if (!sends_requests(connection))
		find_owner(skb, connection);
	http_count_new(skb);
	stream->is_bare = is_interim || status == 204 || status == 304;
	stream->is_last = status == 101;
	if (!is_interim) {
		bpf_spin_lock(&connection->lock);
		index = connection->answered;
		is_awaited = index != connection->sent;
		if (is_awaited)
			connection->answered = index + 1;
		bpf_spin_unlock(&connection->lock);
		if (!is_awaited) {
			count_stray(HTTP_UNMATCHED, role);
			return;
		}
		waiting = &connection->waiting[index % HTTP_WAITING];
		if (waiting->index == index) {
			u64 since = waiting->since;

			method = waiting->method;
			note_duration(connection->group, role,
				      stream->since > since ? stream->since - since : 0);
		}
		if (method == HTTP_HEAD)
			stream->is_bare = 1;
		if (method == HTTP_CONNECT && status >= 200 && status < 300)
			stream->is_last = 1;
	}
	if (status < HTTP_FIRST_STATUS || status > HTTP_LAST_STATUS)
		status = HTTP_OTHER_STATUS;
	count_answer(connection->group, role, status);
}

/* The empty line behind the last header. True when no HTTP comes behind it. */
static __always_inline bool end_head(struct http_stream *stream, u32 which)
{
	u64 length = stream->length;

	stream->phase = PHASE_START;
	if (which == RESPONSES) {
		if (stream->is_last)
			return true;
		if (stream->is_bare)
			return false;
	}
	if (stream->is_chunked)
		stream->phase = PHASE_CHUNK;
	else if (length != NO_LENGTH)
		stream->skip = length;
	else if (which == RESPONSES)
		stream->skip = ~0ull; /* until the connection ends */
	return false;
}

/*
 * A line, or the first or last bytes of a long one, in the window of a stream. `newline`: its place, WINDOW when it comes later. Returns
 * whether nothing more is to be read of this segment.
 */
static __always_inline int read_line(struct __sk_buff *skb, struct bpf_sock *socket,
				     struct http_connection *connection, struct http_stream *stream,
				     u32 which, u32 newline)
{
	bool begins, ends = newline < WINDOW, is_empty;
	const u8 *window;
	u32 status;

	window = stream->window;
	begins = !stream->in_line;
	is_empty = begins && (newline == 0 || (newline == 1 && window[0] == '\r'));
	switch (stream->phase) {
	case PHASE_START:
		if (is_empty)
			return 0;
		if (begins) {
			stream->length = NO_LENGTH;
			stream->is_chunked = 0;
		}
		if (which == RESPONSES) {
			if (begins) {
				status = status_of(window, newline);
				if (!status)
					return refuse(socket, connection, stream, which);
				begin_response(skb, connection, stream, status);
			}
		} else {
			if (begins) {
				stream->method = method_of(window);
				stream->keeps_tail = 1;
				if (stream->method == NO_METHOD)
					return refuse(socket, connection, stream, which);
			}
			if (ends) {
				stream->keeps_tail = 0;
				if (!ends_with_version(window, newline))
					return refuse(socket, connection, stream, which);
				begin_request(skb, connection, stream);
			}
		}
		if (ends)
			stream->phase = PHASE_HEADER;
		return 0;
	case PHASE_HEADER:
		if (is_empty) {
			if (!end_head(stream, which))
				return 0;
			let_go(socket);
			return 1;
		}
		if (begins && is_content_length(window)) {
			stream->length = read_length(window);
			if (stream->length == NO_LENGTH)
				return refuse(socket, connection, stream, which);
		}
		if (begins && is_transfer_encoding(window))
			stream->keeps_tail = 1;
		if (ends && stream->keeps_tail) {
			stream->keeps_tail = 0;
			if (ends_with_chunked(window, newline))
				stream->is_chunked = 1;
		}
		return 0;
	case PHASE_CHUNK:
		if (begins) {
			stream->length = read_chunk_size(window);
			if (stream->length == NO_LENGTH)
				return refuse(socket, connection, stream, which);
		}
		if (ends && stream->length)
			stream->skip = stream->length + 2;
		else if (ends)
			stream->phase = PHASE_TRAILER;
		return 0;
	case PHASE_TRAILER:
		if (is_empty)
			stream->phase = PHASE_START;
		return 0;
	}
	return 1;
}

#endif
