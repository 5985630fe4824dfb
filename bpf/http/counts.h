/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is counted of HTTP. Nothing keeps the programs from interrupting each other, or from being preempted: all additions are
 * atomic. Then one value for all CPUs will do, which is why these maps do not grow with them.
 */
#ifndef BPFLOW_HTTP_COUNTS_H
#define BPFLOW_HTTP_COUNTS_H

#include "../http.h"
#include "../include/maps.h"

/* Whether the histogram is kept for each group. */
const volatile bool http_by_group = false;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct http_key);
	__type(value, struct http_value);
} http_requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct http_answer_key);
	__type(value, struct http_answer_value);
} http_answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct http_time_key);
	__type(value, struct hist);
} http_times SEC(".maps");

/* The same for all groups together, and for what finds no room above. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HTTP_ROLES);
	__type(key, u32);
	__type(value, struct hist);
} all_http_times SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HTTP_STRAYS *HTTP_ROLES);
	__type(key, u32);
	__type(value, struct http_stray_value);
} http_strays SEC(".maps");

static __always_inline void count_stray(u32 stray, u32 role)
{
	u32 index = stray * HTTP_ROLES + role;
	struct http_stray_value *value = bpf_map_lookup_elem(&http_strays, &index);

	if (value)
		__sync_fetch_and_add(&value->count, 1);
}

/* The entries of GROUP_OTHER are made before the first program runs. */
static __noinline struct http_value *requests_of(group_t group, u32 role, u32 method)
{
	static const struct http_value zero;
	struct http_key key = {.group = group, .role = role, .method = method};
	struct http_value *value;

	if (group == GROUP_EXCLUDED)
		return 0;
	value = bpf_map_lookup_elem(&http_requests, &key);
	if (value)
		return value;
	bpf_map_update_elem(&http_requests, &key, &zero, BPF_NOEXIST);
	value = bpf_map_lookup_elem(&http_requests, &key);
	if (value)
		return value;
	note(LEDGER_HTTP_FULL);
	key.group = GROUP_OTHER;
	return bpf_map_lookup_elem(&http_requests, &key);
}

static __always_inline void count_request(group_t group, u32 role, u32 method)
{
	struct http_value *value = requests_of(group, role, method);

	if (value)
		__sync_fetch_and_add(&value->requests, 1);
	else if (group == GROUP_EXCLUDED)
		note(LEDGER_EXCLUDED);
}

static __always_inline void count_unanswered(group_t group, u32 role, u32 method, u32 times)
{
	struct http_value *value = requests_of(group, role, method);

	if (value)
		__sync_fetch_and_add(&value->unanswered, times);
}

static __always_inline void count_answer(group_t group, u32 role, u32 status)
{
	static const struct http_answer_value zero;
	struct http_answer_key key = {.group = group, .role = role, .status = status};
	struct http_answer_value *value;

	if (group == GROUP_EXCLUDED)
		return;
	value = bpf_map_lookup_elem(&http_answers, &key);
	if (!value) {
		bpf_map_update_elem(&http_answers, &key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&http_answers, &key);
	}
	if (!value) {
		note(LEDGER_HTTP_FULL);
		key.group = GROUP_OTHER;
		key.status = HTTP_OTHER_STATUS;
		value = bpf_map_lookup_elem(&http_answers, &key);
	}
	if (value)
		__sync_fetch_and_add(&value->responses, 1);
}

static __always_inline void note_duration(group_t group, u32 role, u64 ns)
{
	static const struct hist zero;
	struct http_time_key key = {.group = group, .role = role};
	struct hist *hist = 0;

	if (group == GROUP_EXCLUDED)
		return;
	if (http_by_group) {
		hist = bpf_map_lookup_elem(&http_times, &key);
		if (!hist) {
			bpf_map_update_elem(&http_times, &key, &zero, BPF_NOEXIST);
			hist = bpf_map_lookup_elem(&http_times, &key);
		}
		if (!hist)
			note(LEDGER_HTTP_FULL);
	}
	if (!hist)
		hist = bpf_map_lookup_elem(&all_http_times, &role);
	if (hist)
		hist_add_shared(hist, ns);
}

#endif
