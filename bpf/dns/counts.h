/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is counted of DNS. Nothing keeps the programs from interrupting each other, or from being preempted: all additions are
 * atomic.
 */
#ifndef BPFLOW_DNS_COUNTS_H
#define BPFLOW_DNS_COUNTS_H

#include "../include/maps.h"
#include "question.h"

/* Whether the histogram is kept for each group. */
const volatile bool dns_by_group = false;
/* Whether names are told apart. */
const volatile bool with_dns_name = false;
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

	if (!length || length > sizeof(key) ||
	    bpf_skb_load_bytes(skb, at, &key, bounded(length, sizeof(key))))
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

#endif
