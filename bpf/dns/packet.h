/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets of sockets, from their IP header on: which of them may carry DNS. */
#ifndef BPFLOW_DNS_PACKET_H
#define BPFLOW_DNS_PACKET_H

#include "../dns.h"
#include "../include/socket.h"
#include <bpf/bpf_endian.h>

/* Ports of servers; 0: none. */
const volatile u16 dns_ports[DNS_PORTS] = {53};

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER  8
#define TCP_HEADER  20
#define TCP_SYN	    2

struct packet {
	u32 header; /* bytes of the IP header */
	u32 is_tcp;
	u32 is_syn;
	u32 sequence; /* of the first byte of payload */
	u32 payload; /* where it begins */
	u32 length; /* its bytes */
};

static __always_inline bool is_dns_port(u32 port)
{
	for (int i = 0; i < DNS_PORTS; i++)
		if (dns_ports[i] && dns_ports[i] == port)
			return true;
	return false;
}

/*
 * Whether it goes to a server, or comes from one. What nearly all packets have is asked first. Who is connected to a server may
 * have its packets redirected to another port (DNAT in the namespace of the socket, as Docker has it); then the socket knows.
 */
static __always_inline bool read_packet(struct __sk_buff *skb, struct packet *packet, bool sends)
{
	void *end = (void *)(long)skb->data_end;
	u8 *ip = (void *)(long)skb->data, *transport;
	u32 protocol, header = IPV6_HEADER, bytes;
	struct bpf_sock *socket;
	u16 port;

	if ((void *)(ip + IPV4_HEADER) > end)
		return false;
	if (ip[0] >> 4 == 4) {
		header = (ip[0] & 0xf) * 4;
		protocol = ip[9];
	} else {
		protocol = ip[6];
	}
	if (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP)
		return false;
	transport = ip + header;
	if ((void *)(transport + UDP_HEADER) > end)
		return false;
	port = sends ? *(u16 *)(transport + 2) : *(u16 *)transport;
	if (!is_dns_port(bpf_ntohs(port))) {
		if (!sends)
			return false;
		socket = skb->sk;
		if (!socket || !is_dns_port(bpf_ntohs(socket->dst_port)))
			return false;
	}
	packet->header = header;
	packet->is_tcp = protocol == IPPROTO_TCP;
	bytes = skb->len - header;
	if (packet->is_tcp) {
		u32 size;

		if ((void *)(transport + TCP_HEADER) > end)
			return false;
		size = (transport[12] >> 4) * 4;
		packet->is_syn = transport[13] & TCP_SYN;
		packet->sequence = bpf_ntohl(*(u32 *)(transport + 4)) + !!packet->is_syn;
		packet->payload = header + size;
		packet->length = bytes > size ? bytes - size : 0;
	} else {
		u32 told = bpf_ntohs(*(u16 *)(transport + 4));

		if (told < bytes)
			bytes = told;
		packet->payload = header + UDP_HEADER;
		packet->length = bytes > UDP_HEADER ? bytes - UDP_HEADER : 0;
	}
	return true;
}

#endif
