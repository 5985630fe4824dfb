// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Packets and bytes of a network interface by direction and IP protocol: XDP for what arrives, tc for what leaves. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum direction {
	RECEIVE,
	TRANSMIT
};

struct packet_key {
	__u8 direction;
	__u8 family; /* 4, 6, or 0 for what is no IP. */
	__u8 protocol;
};

struct packet_count {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct packet_key);
	__type(value, struct packet_count);
} packet_counts SEC(".maps");

static __always_inline void count(enum direction direction, void *data, void *end, __u64 bytes)
{
	struct packet_key key = {.direction = direction};
	struct ethhdr *ethernet = data;
	struct iphdr *v4 = (void *)(ethernet + 1);
	struct ipv6hdr *v6 = (void *)(ethernet + 1);
	struct packet_count none = {}, *known;

	if ((void *)(ethernet + 1) > end)
		return;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP) && (void *)(v4 + 1) <= end) {
		key.family = 4;
		key.protocol = v4->protocol;
	} else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6) && (void *)(v6 + 1) <= end) {
		key.family = 6;
		key.protocol = v6->nexthdr;
	}
	bpf_map_update_elem(&packet_counts, &key, &none, BPF_NOEXIST);
	known = bpf_map_lookup_elem(&packet_counts, &key);
	if (!known)
		return;
	__sync_fetch_and_add(&known->packets, 1);
	__sync_fetch_and_add(&known->bytes, bytes);
}

SEC("xdp")
int count_received(struct xdp_md *packet)
{
	void *data = (void *)(long)packet->data;
	void *end = (void *)(long)packet->data_end;

	count(RECEIVE, data, end, end - data);
	return XDP_PASS;
}

SEC("tcx/egress")
int count_sent(struct __sk_buff *packet)
{
	void *data = (void *)(long)packet->data;
	void *end = (void *)(long)packet->data_end;

	count(TRANSMIT, data, end, packet->len);
	return TCX_NEXT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
