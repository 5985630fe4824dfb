/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One direction of a connection, segment by segment. */
#ifndef BPFLOW_HTTP_STREAM_H
#define BPFLOW_HTTP_STREAM_H

#include "messages.h"

static __always_inline bool is_behind(u32 sequence, u32 than)
{
	return (s32)(sequence - than) > 0;
}

static __always_inline void start_stream(struct http_stream *stream, u32 sequence)
{
	stream->sequence = sequence;
	stream->skip = 0;
	stream->kept = 0;
	stream->in_line = 0;
	stream->keeps_tail = 0;
	stream->phase = PHASE_START;
}

/* What comes behind a gap, or while another packet is being read, can only be passed over. */
static __always_inline void note_late(struct http_stream *stream, u32 from, u32 length)
{
	u32 to = from + length;

	if (!stream->is_late) {
		stream->late_from = from;
		stream->late_to = to;
		stream->is_late = 1;
		return;
	}
	if (is_behind(stream->late_from, from))
		stream->late_from = from;
	if (is_behind(to, stream->late_to))
		stream->late_to = to;
}

/* Gives the stream up when the next byte to be read is one that has passed already. */
static __always_inline void check_late(struct http_stream *stream)
{
	u32 next = stream->sequence + (u32)stream->skip;

	if (stream->skip >> 31 || !is_behind(stream->late_to, next)) {
		stream->is_late = 0;
	} else if (!is_behind(stream->late_from, next)) {
		stream->is_late = 0;
		stream->sequence = stream->late_to;
		stream->skip = 0;
		stream->phase = PHASE_UNKNOWN;
		note(LEDGER_HTTP_STREAM_LOST);
	}
}

/* Most headers say nothing about where a message ends: neither Content-Length nor Transfer-Encoding. */
static __always_inline bool is_idle(const struct http_stream *stream, u32 newline)
{
	u8 first = stream->window[0] | 0x20;

	if (stream->phase != PHASE_HEADER || stream->keeps_tail)
		return false;
	return stream->in_line || (newline > 1 && first != 'c' && first != 't');
}

/*
 * One step into a segment: a gap, a part of a body, or what the window takes of a line. `sequence`, `length`: of its payload, which lies at
 * `payload`. Returns whether nothing more is to be read of it. A function of its own to the verifier, which else would walk through it
 * again for each step; so all that it needs is asked for here.
 */
__noinline int http_step(struct __sk_buff *skb, u32 which, u32 payload, u32 sequence, u32 length)
{
	struct bpf_sock *socket = skb->sk;
	struct http_connection *connection;
	struct http_stream *stream;
	u32 passed, left, kept, newline;
	bool ends;

	socket = socket ? bpf_sk_fullsock(socket) : 0;
	if (!socket)
		return 1;
	connection = bpf_sk_storage_get(&http_connections, socket, 0, 0);
	if (!connection)
		return 1;
	stream = &connection->streams[which & 1];
	passed = stream->sequence - sequence;
	if ((s32)passed < 0) {
		u32 gap = -passed;

		if (stream->skip < gap) {
			note_late(stream, sequence, length);
			return 1;
		}
		stream->skip -= gap;
		stream->sequence = sequence;
		return 0;
	}
	if (passed >= length)
		return 1;
	left = length - passed;
	if (stream->skip) {
		if (left > stream->skip)
			left = stream->skip;
		stream->skip -= left;
		stream->sequence += left;
		return 0;
	}
	kept = stream->kept & (WINDOW - 1);
	if (left > WINDOW - kept)
		left = WINDOW - kept;
	/* Verifiers do not learn from a comparison that it is not 0. */
	asm volatile("" : "+r"(left));
	left = ((left - 1) & (WINDOW - 1)) + 1;
	if (bpf_skb_load_bytes(skb, payload + passed, stream->window + kept, left))
		return 1;
	if (stream->phase == PHASE_START && !kept && !stream->in_line)
		stream->since = bpf_ktime_get_ns();
	newline = find_newline(stream->window);
	ends = newline < kept + left;
	stream->sequence += ends ? newline + 1 - kept : left;
	stream->kept = ends ? 0 : kept + left;
	if (!ends) {
		if (stream->kept < WINDOW)
			return 1;
		newline = WINDOW;
		stream->kept = 0;
	}
	if ((ends ? !is_idle(stream, newline) : !stream->in_line) &&
	    read_line(skb, socket, connection, stream, which, newline))
		return 1;
	stream->in_line = !ends;
	if (!ends && stream->keeps_tail) {
		u64 *words = (u64 *)stream->window;

		words[0] = words[2];
		words[1] = words[3];
		stream->kept = LINE_TAIL;
	}
	return 0;
}

/* Steps that are made in a segment at most: one for each line, two for most that are longer than the window. */
#define MOST_STEPS 1024

static __always_inline void read_stream(struct __sk_buff *skb, const struct segment *segment,
					struct http_stream *stream, u32 which)
{
	stream->acknowledged = segment->acknowledged;
	for (int i = 0; i < MOST_STEPS; i++)
		if (http_step(skb, which, segment->payload, segment->sequence, segment->length))
			return;
	stream->phase = PHASE_UNKNOWN;
	note(LEDGER_HTTP_STREAM_LOST);
}

#endif
