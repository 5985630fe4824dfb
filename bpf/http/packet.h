/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Segments of TCP with payload, from their IP header on. */
#ifndef BPFLOW_HTTP_PACKET_H
#define BPFLOW_HTTP_PACKET_H

#include "../include/socket.h"
#include <bpf/bpf_endian.h>

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define TCP_HEADER  20

struct segment {
	u32 sequence; /* of the first byte of payload */
	u32 acknowledged; /* the byte that its sender expects next */
	u32 payload; /* where it begins */
	u32 length; /* its bytes, not 0 */
};

/* False for all that has no payload. SYN is left out: what it may carry is the beginning of a connection that nobody has yet. */
static __always_inline bool read_segment(struct __sk_buff *skb, struct segment *segment)
{
	void *end = (void *)(long)skb->data_end;
	u8 *ip = (void *)(long)skb->data, *tcp;
	u32 protocol, header = IPV6_HEADER;

	if ((void *)(ip + IPV4_HEADER) > end)
		return false;
	if (ip[0] >> 4 == 4) {
		header = (ip[0] & 0xf) * 4;
		protocol = ip[9];
	} else {
		protocol = ip[6];
	}
	if (protocol != IPPROTO_TCP)
		return false;
	tcp = ip + header;
	if ((void *)(tcp + TCP_HEADER) > end)
		return false;
	segment->payload = header + (tcp[12] >> 4) * 4;
	if (skb->len <= segment->payload)
		return false;
	segment->length = skb->len - segment->payload;
	segment->sequence = bpf_ntohl(*(u32 *)(tcp + 4));
	segment->acknowledged = bpf_ntohl(*(u32 *)(tcp + 8));
	return true;
}

#endif
