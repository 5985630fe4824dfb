/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Messages as records of the ring. */
#ifndef BPFLOW_DNS_TELL_H
#define BPFLOW_DNS_TELL_H

#include "../include/event-channel.h"
#include "packet.h"
#include "question.h"

/* Whether there is a ring for events. */
const volatile bool with_dns_events = false;

struct dns_record {
	struct event_header header;
	struct dns_body body;
	u8 message[DNS_MESSAGE_LENGTH];
};

/* Where there is no ring, records are made here, one of each kind. A timer that interrupts may send once more what is being told. */
struct dns_draft {
	u64 is_used;
	struct dns_record record;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct dns_draft);
} dns_drafts SEC(".maps");

/* Most messages are shorter: their events take less of the ring. */
#define SHORT_MESSAGE 128

/* What is known of a message before it is looked into, in one argument: the IP header's bytes, and whether it came by TCP. */
#define DETAILS(packet) ((packet).header | (packet).is_tcp << 16)
#define HEADER(details) ((details)&0xffff)
#define IS_TCP(details) ((details) >> 16)

static __always_inline void read_addresses(struct __sk_buff *skb, struct dns_body *body, u32 header,
					   bool sends)
{
	u32 *local = body->local_address, *peer = body->peer_address;
	u16 ports[2] = {};
	u8 version = 0;

	__builtin_memset(local, 0, sizeof(body->local_address));
	__builtin_memset(peer, 0, sizeof(body->peer_address));
	bpf_skb_load_bytes(skb, 0, &version, sizeof(version));
	body->is_ipv6 = version >> 4 == 6;
	if (body->is_ipv6) {
		bpf_skb_load_bytes(skb, 8, sends ? local : peer, 16);
		bpf_skb_load_bytes(skb, 24, sends ? peer : local, 16);
	} else {
		bpf_skb_load_bytes(skb, 12, sends ? local : peer, 4);
		bpf_skb_load_bytes(skb, 16, sends ? peer : local, 4);
	}
	bpf_skb_load_bytes(skb, header, ports, sizeof(ports));
	body->local_port = bpf_ntohs(sends ? ports[0] : ports[1]);
	body->peer_port = bpf_ntohs(sends ? ports[1] : ports[0]);
}

/* What an event says beside the message and where it went. */
struct told {
	ns_t now;
	ns_t latency;
	u32 kind;
	u32 length;
	u32 repeated;
	u32 rcode;
};

/* Hands over an event with at most `room` bytes, a power of two, of the `length` that lie at `at`. */
static __always_inline void tell(struct __sk_buff *skb, u32 at, u32 length, u32 room, u32 details,
				 const struct told *told, const struct event_header *owner,
				 struct event_count *count)
{
	u32 draft_of = told->kind == EVENT_DNS_RESPONSE,
	    size = offsetof(struct dns_record, message) + room;
	struct dns_draft *draft = NULL;
	struct dns_record *event;

	if (!use_ring) {
		draft = bpf_map_lookup_elem(&dns_drafts, &draft_of);
		if (!draft || draft->is_used) {
			__sync_fetch_and_add(&count->unserved, 1);
			return;
		}
		draft->is_used = 1;
		event = &draft->record;
	} else {
		event = bpf_ringbuf_reserve(&events, size, 0);
		if (!event) {
			__sync_fetch_and_add(&count->full, 1);
			return;
		}
	}
	event->header = *owner;
	describe_event(&event->header, told->kind, told->now);
	read_addresses(skb, &event->body, HEADER(details), told->kind == EVENT_DNS_QUERY);
	event->body.latency = told->latency;
	event->body.transport = IS_TCP(details) ? DNS_TCP : DNS_UDP;
	event->body.length = told->length;
	event->body.repeated = told->repeated;
	event->body.rcode = told->rcode;
	if (length > room)
		length = room;
	if (bpf_skb_load_bytes(skb, at, event->message, bounded(length, room)))
		length = 0;
	event->body.copied = length;
	/* Not only while the reader sleeps: its note of that belongs to another object. The kernel wakes a reader that has read all. */
	if (use_ring) {
		bpf_ringbuf_submit(event, 0);
	} else {
		write_event(skb, count, event, size);
		draft->is_used = 0;
	}
}

static __always_inline void tell_message(struct __sk_buff *skb, u32 at, u32 length, u32 details,
					 const struct told *told, const struct event_header *owner,
					 struct event_count *count)
{
	if (length <= SHORT_MESSAGE)
		tell(skb, at, length, SHORT_MESSAGE, details, told, owner, count);
	else
		tell(skb, at, length, DNS_MESSAGE_LENGTH, details, told, owner, count);
}

#endif
