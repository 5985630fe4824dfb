/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * DNS as its clients see it: queries that sockets send, and the responses that they get. Two programs at the root of the cgroup
 * v2 tree see the packets of the sockets of all network namespaces, let all of them pass, and look into those of a server's port.
 * A query belongs to who sends it; a response comes in whatever task is interrupted, so it is found by socket and id.
 *
 * Nothing keeps these programs from interrupting each other, or from being preempted: all counts are atomic, and nothing is kept
 * by CPU over more than an addition.
 */
#include "dns/packet.h"
#include "dns/question.h"
#include "include/event-channel.h"

/* Whether the histogram is kept for each group. */
const volatile bool dns_by_group = false;
/* Whether names are told apart. */
const volatile bool with_dns_name = false;
/* Whether there is a ring for events. */
const volatile bool with_dns_events = false;

#define PASS 1

#define FLAG_RESPONSE 0x8000

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct dns_key);
	__type(value, struct dns_value);
} dns_queries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct dns_answer_key);
	__type(value, struct dns_answer_value);
} dns_answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, group_t);
	__type(value, struct hist);
} dns_times SEC(".maps");

/* The same for all groups together, and for what finds no room above. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct hist);
} all_dns_times SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DNS_STRAYS);
	__type(key, u32);
	__type(value, struct dns_stray_value);
} dns_strays SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct dns_name_key);
	__type(value, struct dns_name_value);
} dns_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} last_dns_name SEC(".maps");

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

static __always_inline void count_stray(u32 stray)
{
	struct dns_stray_value *value = bpf_map_lookup_elem(&dns_strays, &stray);

	if (value)
		__sync_fetch_and_add(&value->count, 1);
}

/* The entries of GROUP_OTHER are made before the first program runs. */
static __always_inline struct dns_value *queries_of(struct dns_key *key)
{
	static const struct dns_value zero;
	struct dns_key other = {.transport = key->transport};
	struct dns_value *value = bpf_map_lookup_elem(&dns_queries, key);

	if (value)
		return value;
	bpf_map_update_elem(&dns_queries, key, &zero, BPF_NOEXIST);
	value = bpf_map_lookup_elem(&dns_queries, key);
	if (value)
		return value;
	note(LEDGER_DNS_FULL);
	return bpf_map_lookup_elem(&dns_queries, &other);
}

static __always_inline void count_answer(struct dns_answer_key *key)
{
	static const struct dns_answer_value zero;
	struct dns_answer_value *value = bpf_map_lookup_elem(&dns_answers, key);

	if (!value) {
		bpf_map_update_elem(&dns_answers, key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&dns_answers, key);
	}
	if (!value) {
		note(LEDGER_DNS_FULL);
		key->group = GROUP_OTHER;
		key->name = DNS_NO_NAME;
		key->type = 0;
		/* These are made beforehand for the codes of the header. */
		key->rcode &= 0xf;
		value = bpf_map_lookup_elem(&dns_answers, key);
	}
	if (value)
		__sync_fetch_and_add(&value->responses, 1);
}

static __always_inline void note_latency(group_t group, u64 ns)
{
	static const struct hist zero;
	struct hist *hist = 0;
	u32 first = 0;

	if (dns_by_group) {
		hist = bpf_map_lookup_elem(&dns_times, &group);
		if (!hist) {
			bpf_map_update_elem(&dns_times, &group, &zero, BPF_NOEXIST);
			hist = bpf_map_lookup_elem(&dns_times, &group);
		}
		if (!hist)
			note(LEDGER_DNS_FULL);
	}
	if (!hist)
		hist = bpf_map_lookup_elem(&all_dns_times, &first);
	if (hist)
		hist_add_shared(hist, ns);
}

/* The id of a name; DNS_NO_NAME when none is asked for, or there is no room. An id is never used again. */
static __noinline u32 find_name(struct __sk_buff *skb, u32 at, u32 length)
{
	struct dns_name_value value = {}, *found;
	struct dns_name_key key = {};
	u64 *words = (u64 *)&key, *last;
	u32 first = 0;

	if (!length || length > sizeof(key) || bpf_skb_load_bytes(skb, at, &key, length))
		return DNS_NO_NAME;
	for (u32 i = 0; i < sizeof(key) / sizeof(*words); i++)
		words[i] = lower(words[i]);
	found = bpf_map_lookup_elem(&dns_names, &key);
	if (found)
		return found->id;
	last = bpf_map_lookup_elem(&last_dns_name, &first);
	if (!last)
		return DNS_NO_NAME;
#ifdef PLAIN_ATOMICS
	/* Two CPUs may read the same here: what they would add to one series is added to it. */
	__sync_fetch_and_add(last, 1);
	value.id = *(volatile u64 *)last;
#else
	value.id = 1 + __sync_fetch_and_add(last, 1);
#endif
	if (!bpf_map_update_elem(&dns_names, &key, &value, BPF_NOEXIST))
		return value.id;
	/* Another CPU was faster, or the map is full. */
	found = bpf_map_lookup_elem(&dns_names, &key);
	if (found)
		return found->id;
	note(LEDGER_NAMES_FULL);
	return DNS_NO_NAME;
}

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

/* Hands over an event with at most `room` bytes of the `length` that lie at `at`. */
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
	asm volatile("" : "+r"(length));
	if (!length || length > room || bpf_skb_load_bytes(skb, at, event->message, length))
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
	told.now = bpf_ktime_get_ns();
	key.socket = bpf_get_socket_cookie(skb);
	key.id = head.id;
	waiting = bpf_map_lookup_elem(&dns_waiting, &key);
	if (waiting && waiting->query.question == question.hash) {
		told.repeated = 1;
	} else {
		if (waiting && !bpf_map_delete_elem(&dns_waiting, &key) &&
		    waiting->query.group != GROUP_EXCLUDED) {
			struct dns_key before = {
				.group = waiting->query.group,
				.name = waiting->query.name,
				.type = waiting->query.type,
				.transport = waiting->query.transport,
			};

			value = queries_of(&before);
			if (value)
				__sync_fetch_and_add(&value->unanswered, 1);
		}
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
			if (with_dns_events && !IS_TCP(details))
				describe_owner(&waiting->owner, task, place.group);
			else if (with_dns_events && connection)
				waiting->owner = connection->owner;
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
	count = offer(EVENT_DNS_QUERY, place.group, told.now);
	if (!count)
		return 0;
	if (!waiting) {
		__sync_fetch_and_add(&count->full, 1);
		return 0;
	}
	told.kind = EVENT_DNS_QUERY;
	told.length = total;
	tell_message(skb, at, length, details, &told, &waiting->owner, count);
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
	place.rcode = told.rcode;
	told.kind = EVENT_DNS_RESPONSE;
	told.length = total;
	if (with_dns_events) {
		count = offer(EVENT_DNS_RESPONSE, place.group, told.now);
		if (count)
			tell_message(skb, at, length, details, &told, &owner, count);
	}
	if (place.group == GROUP_EXCLUDED)
		return 0;
	note_latency(place.group, told.latency);
	count_answer(&place);
	return 0;
}

/*
 * Where nobody knows what comes next (the connection is older than the agent, or segments were lost or came in another order),
 * a segment that is exactly one message is one.
 */
static __noinline bool find_beginning(struct __sk_buff *skb, const struct packet *packet,
				      struct dns_stream *stream)
{
	u16 length;

	if (stream->sequence && (s32)(packet->sequence - stream->sequence) < 0)
		return false;
	if (packet->length <= sizeof(length) + sizeof(struct dns_head) ||
	    bpf_skb_load_bytes(skb, packet->payload, &length, sizeof(length)))
		return false;
	if (bpf_ntohs(length) + sizeof(length) != packet->length)
		return false;
	stream->sequence = packet->sequence;
	stream->awaits = AWAITS_LENGTH;
	return true;
}

/* Steps that are made in a segment at most: two for each message. */
#define MOST_STEPS 128

/* The messages that begin in a segment. One that comes again, or is not the next one, is not looked into. */
static __always_inline void read_segment(struct __sk_buff *skb, const struct packet *packet,
					 struct dns_stream *stream, struct dns_stream *late,
					 bool sends)
{
	if (packet->is_syn) {
		stream->sequence = packet->sequence;
		stream->awaits = AWAITS_LENGTH;
	}
	if (!packet->length)
		return;
	if (stream->awaits == AWAITS_UNKNOWN && !find_beginning(skb, packet, stream))
		return;
	for (int i = 0; i < MOST_STEPS; i++) {
		u32 passed = stream->sequence - packet->sequence, left, at;
		u8 bytes[2] = {};

		if ((s32)passed < 0) {
			*late = *stream;
			stream->awaits = AWAITS_UNKNOWN;
			note(LEDGER_DNS_STREAM_LOST);
			if (!find_beginning(skb, packet, stream))
				return;
			continue;
		}
		if (passed >= packet->length)
			return;
		left = packet->length - passed;
		at = packet->payload + passed;
		if (stream->awaits == AWAITS_LENGTH && left > 1) {
			bpf_skb_load_bytes(skb, at, bytes, 2);
			stream->length = bytes[0] << 8 | bytes[1];
			stream->awaits = AWAITS_MESSAGE;
			stream->sequence += 2;
		} else if (stream->awaits == AWAITS_LENGTH) {
			bpf_skb_load_bytes(skb, at, bytes, 1);
			stream->length = bytes[0] << 8;
			stream->awaits = AWAITS_LOW_BYTE;
			stream->sequence++;
		} else if (stream->awaits == AWAITS_LOW_BYTE) {
			bpf_skb_load_bytes(skb, at, bytes, 1);
			stream->length |= bytes[0];
			stream->awaits = AWAITS_MESSAGE;
			stream->sequence++;
		} else {
			u32 total = stream->length;

			/* The rest of it may come with the next segments. */
			stream->sequence += total;
			stream->awaits = AWAITS_LENGTH;
			if (left > total)
				left = total;
			if (sends)
				dns_query(skb, at, left, total, DETAILS(*packet));
			else
				dns_answer(skb, at, left, total, DETAILS(*packet));
		}
	}
	stream->awaits = AWAITS_UNKNOWN;
	note(LEDGER_DNS_STREAM_LOST);
}

/* Whether the next byte of a stream is in the segment. */
static __always_inline bool goes_on(const struct dns_stream *stream, const struct packet *packet)
{
	return stream->awaits != AWAITS_UNKNOWN &&
	       stream->sequence - packet->sequence < packet->length;
}

static __always_inline void on_segment(struct __sk_buff *skb, const struct packet *packet,
				       bool sends)
{
	struct bpf_sock *socket = skb->sk;
	struct dns_connection *connection;
	struct dns_stream *stream;

	if (!packet->is_syn && !packet->length)
		return;
	socket = socket ? bpf_sk_fullsock(socket) : 0;
	if (!socket)
		return;
	connection = bpf_sk_storage_get(&dns_connections, socket, 0,
					sends ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (!connection) {
		if (sends)
			note(LEDGER_NO_SOCKET);
		return;
	}
	/* Who connects is the current one; later segments may leave in an interrupt. */
	if (sends && packet->is_syn && !connection->owned) {
		struct task_struct *task = (struct task_struct *)bpf_get_current_task();

		connection->group = find_group(task);
		connection->owned = 1;
		if (with_dns_events)
			describe_owner(&connection->owner, task, connection->group);
	}
	stream = sends ? &connection->sent : &connection->received;
	if (!sends && goes_on(&connection->late, packet))
		stream = &connection->late;
	read_segment(skb, packet, stream, &connection->late, sends);
}

SEC("cgroup_skb/egress")
int dns_send_cgroup(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (!read_packet(skb, &packet, true))
		return PASS;
	if (packet.is_tcp)
		on_segment(skb, &packet, true);
	else
		dns_query(skb, packet.payload, packet.length, packet.length, DETAILS(packet));
	return PASS;
}

SEC("cgroup_skb/ingress")
int dns_receive_cgroup(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (!read_packet(skb, &packet, false))
		return PASS;
	if (packet.is_tcp)
		on_segment(skb, &packet, false);
	else
		dns_answer(skb, packet.payload, packet.length, packet.length, DETAILS(packet));
	return PASS;
}

/* What programs only point to would not be among the types that user space checks. */
const struct dns_body *dns_bodies __attribute__((unused));

char LICENSE[] SEC("license") = "Dual BSD/GPL";
