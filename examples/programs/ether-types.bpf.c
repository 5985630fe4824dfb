// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Frames by Ethernet type and packet type, as a packet capture would see them: a socket filter that lets nothing through. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct frame_key {
	__u16 ether_type;
	__u16 way; /* PACKET_HOST 0, PACKET_BROADCAST 1, PACKET_MULTICAST 2, PACKET_OTHERHOST 3, PACKET_OUTGOING 4 */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct frame_key);
	__type(value, __u64);
} frames SEC(".maps");

SEC("socket")
int count_frame(struct __sk_buff *frame)
{
	struct frame_key key = {.ether_type = frame->protocol, .way = frame->pkt_type};
	__u64 none = 0, *count;

	bpf_map_update_elem(&frames, &key, &none, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&frames, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
