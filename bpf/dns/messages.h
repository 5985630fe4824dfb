/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Queries and responses. A query belongs to who sends it; a response comes in whatever task is interrupted, so it is found by
 * socket and id.
 */
#ifndef BPFLOW_DNS_MESSAGES_H
#define BPFLOW_DNS_MESSAGES_H

#include "counts.h"
#include "tell.h"

#define FLAG_RESPONSE 0x8000

struct waiting_query {
	struct dns_waiting query;
	struct event_header owner; /* only with_dns_events */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct dns_waiting_key);
	__type(value, struct waiting_query);
} dns_waiting SEC(".maps");

/* What comes next in one direction of a TCP connection: the two bytes of a length, and so many of a message. */
struct dns_stream {
	u32 sequence; /* of the byte that comes next */
	u32 length; /* of the message */
	u32 awaits; /* AWAITS_… */
};

#define AWAITS_UNKNOWN	0
#define AWAITS_LENGTH	1
#define AWAITS_LOW_BYTE 2 /* of the length */
#define AWAITS_MESSAGE	3

struct dns_connection {
	struct dns_stream sent;
	struct dns_stream received;
	struct dns_stream late; /* received up to a gap that may be filled */
	group_t group;
	u32 owned; /* 0: begun before the agent */
	struct event_header owner;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct dns_connection);
} dns_connections SEC(".maps");

/* Reads the header of a message, and its question. False when it is no message. */
static __always_inline bool read_message(struct __sk_buff *skb, u32 at, u32 length, u32 total,
					 struct dns_head *head, struct question *question,
					 u32 malformed)
{
	if (length < sizeof(*head) || bpf_skb_load_bytes(skb, at, head, sizeof(*head))) {
		if (length < total)
			note(LEDGER_DNS_CUT);
		else
			count_stray(malformed);
		return false;
	}
	question->end = at + sizeof(*head);
	if (head->questions && !read_question(skb, at + sizeof(*head), at + length, question)) {
		if (length < total)
			note(LEDGER_DNS_CUT);
		else
			count_stray(malformed);
	}
	return true;
}

/* Another question takes the place of a query, unless its response has come meanwhile. */
static __always_inline void give_up(const struct dns_waiting_key *key,
				    const struct waiting_query *waiting)
{
	struct dns_key place = {
		.group = waiting->query.group,
		.name = waiting->query.name,
		.type = waiting->query.type,
		.transport = waiting->query.transport,
	};
	struct dns_value *value;

	if (bpf_map_delete_elem(&dns_waiting, key) || place.group == GROUP_EXCLUDED)
		return;
	value = queries_of(&place);
	if (value)
		__sync_fetch_and_add(&value->unanswered, 1);
}

/*
 * A message that a client sends: `length` bytes of its `total` lie at `at`. A function of its own to the verifier, as is the
 * next one; so all that it needs is asked for here.
 */
__noinline int dns_query(struct __sk_buff *skb, u32 at, u32 length, u32 total, u32 details)
{
	static const struct waiting_query nothing;
	struct dns_waiting_key key = {};
	struct dns_connection *connection = 0;
	struct event_count *count = 0;
	struct waiting_query *waiting;
	struct question question = {};
	struct event_header owner = {};
	struct told told = {};
	struct dns_key place = {};
	struct dns_value *value;
	struct task_struct *task;
	struct dns_head head;

	if (!read_message(skb, at, length, total, &head, &question, DNS_MALFORMED_SENT))
		return 0;
	if (head.flags & bpf_htons(FLAG_RESPONSE))
		return 0;
	task = (struct task_struct *)bpf_get_current_task();
	if (IS_TCP(details)) {
		struct bpf_sock *socket = skb->sk;

		socket = socket ? bpf_sk_fullsock(socket) : 0;
		if (socket)
			connection = bpf_sk_storage_get(&dns_connections, socket, 0, 0);
		place.group = connection ? connection->group : GROUP_OTHER;
	} else {
		place.group = find_group(task);
	}
	place.transport = IS_TCP(details) ? DNS_TCP : DNS_UDP;
	place.type = known_type(question.type);
	if (with_dns_name)
		place.name = find_name(skb, at + sizeof(head), question.name_length);
	if (with_dns_events && !IS_TCP(details))
		describe_owner(&owner, task, place.group);
	else if (with_dns_events && connection)
		owner = connection->owner;
	told.now = bpf_ktime_get_ns();
	key.socket = bpf_get_socket_cookie(skb);
	key.id = head.id;
	waiting = bpf_map_lookup_elem(&dns_waiting, &key);
	if (waiting && waiting->query.question == question.hash) {
		told.repeated = 1;
	} else {
		if (waiting)
			give_up(&key, waiting);
		bpf_map_update_elem(&dns_waiting, &key, &nothing, BPF_NOEXIST);
		waiting = bpf_map_lookup_elem(&dns_waiting, &key);
		/* Nobody answers it before it has left. */
		if (waiting) {
			waiting->query.since = told.now;
			waiting->query.question = question.hash;
			waiting->query.group = place.group;
			waiting->query.name = place.name;
			waiting->query.type = place.type;
			waiting->query.transport = place.transport;
			if (with_dns_events)
				waiting->owner = owner;
		} else {
			note(LEDGER_DNS_WAITING_FULL);
		}
	}
	if (place.group == GROUP_EXCLUDED) {
		note(LEDGER_EXCLUDED);
	} else {
		value = queries_of(&place);
		if (value) {
			__sync_fetch_and_add(&value->queries, 1);
			if (told.repeated)
				__sync_fetch_and_add(&value->repeated, 1);
		}
	}
	if (!with_dns_events)
		return 0;
	count = offer(EVENT_DNS_QUERY, place.group, offsetof(struct dns_record, message));
	if (!count)
		return 0;
	told.kind = EVENT_DNS_QUERY;
	told.length = total;
	tell_message(skb, at, length, details, &told, &owner, count);
	return 0;
}

/* A message that a client gets. */
__noinline int dns_answer(struct __sk_buff *skb, u32 at, u32 length, u32 total, u32 details)
{
	struct dns_waiting_key key = {};
	struct dns_answer_key place = {};
	struct waiting_query *waiting;
	struct question question = {};
	struct told told = {};
	struct event_header owner;
	struct event_count *count;
	struct dns_head head;
	ns_t since;

	if (!read_message(skb, at, length, total, &head, &question, DNS_MALFORMED_RECEIVED))
		return 0;
	if (!(head.flags & bpf_htons(FLAG_RESPONSE)))
		return 0;
	key.socket = bpf_get_socket_cookie(skb);
	key.id = head.id;
	waiting = bpf_map_lookup_elem(&dns_waiting, &key);
	/* A server that does not understand a query may leave the question out. */
	if (!waiting || (question.hash && waiting->query.question != question.hash)) {
		count_stray(DNS_UNMATCHED);
		return 0;
	}
	since = waiting->query.since;
	place.group = waiting->query.group;
	place.name = waiting->query.name;
	place.type = waiting->query.type;
	if (with_dns_events)
		owner = waiting->owner;
	/* Only one of two that come at the same time answers it. */
	if (bpf_map_delete_elem(&dns_waiting, &key)) {
		count_stray(DNS_UNMATCHED);
		return 0;
	}
	if (place.group == GROUP_EXCLUDED && !with_dns_events)
		return 0;
	told.now = bpf_ktime_get_ns();
	told.latency = told.now > since ? told.now - since : 0;
	told.rcode = response_code(skb, &head, question.end, at + length);
	place.rcode = told.rcode < DNS_OTHER_RCODE ? told.rcode : DNS_OTHER_RCODE;
	told.kind = EVENT_DNS_RESPONSE;
	told.length = total;
	if (with_dns_events) {
		count = offer(EVENT_DNS_RESPONSE, place.group,
			      offsetof(struct dns_record, message));
		if (count)
			tell_message(skb, at, length, details, &told, &owner, count);
	}
	if (place.group == GROUP_EXCLUDED)
		return 0;
	note_latency(place.group, told.latency);
	count_answer(&place);
	return 0;
}

#endif
