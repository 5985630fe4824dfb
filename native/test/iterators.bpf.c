// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Passes over maps, and over what the kernel holds: the tests ask it what is left. */
#include "types.h"

__u64 visited;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10000);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

struct entry {
	__u32 key;
	__u32 unused;
	__u64 value;
};

SEC("iter/bpf_map_elem")
int write_entries(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;
	struct entry entry = {};

	if (!key || !value)
		return 0;
	entry.key = *key;
	entry.value = *value;
	bpf_seq_write(ctx->meta->seq, &entry, sizeof(entry));
	return 0;
}

SEC("iter/bpf_map_elem")
int visit_entries(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (key && value)
		visited += *value;
	return 0;
}

SEC("iter/bpf_prog")
int program_ids(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *prog = ctx->prog;
	__u32 id;

	if (!prog)
		return 0;
	id = prog->aux->id;
	bpf_seq_write(ctx->meta->seq, &id, sizeof(id));
	return 0;
}

SEC("iter/bpf_link")
int link_ids(struct bpf_iter__bpf_link *ctx)
{
	struct bpf_link *link = ctx->link;
	__u32 id;

	if (!link)
		return 0;
	id = link->id;
	bpf_seq_write(ctx->meta->seq, &id, sizeof(id));
	return 0;
}

SEC("iter/bpf_map")
int map_ids(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;
	__u32 id;

	if (!map)
		return 0;
	id = map->id;
	bpf_seq_write(ctx->meta->seq, &id, sizeof(id));
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
