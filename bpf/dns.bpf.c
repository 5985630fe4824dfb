/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * DNS as its clients see it: queries that sockets send, and the responses that they get. Two programs at the root of the cgroup
 * v2 tree see the packets of the sockets of all network namespaces, let all of them pass, and look into those of a server's port.
 */
#include "dns/messages.h"

#define PASS 1

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
