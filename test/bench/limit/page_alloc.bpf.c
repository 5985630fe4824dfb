/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// Allocations of pages and their number by process.
#include "limit.h"

struct value {
	u64 count, pages;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, struct value);
} pages SEC(".maps");

SEC("tp_btf/mm_page_alloc")
int BPF_PROG(page_alloc, void *page, unsigned int order)
{
	static const struct value zero;
	u32 tgid = current_tgid();
	struct value *v = value_of(&pages, &tgid, &zero);

	if (!v)
		return 0;
	v->count++;
	v->pages += 1ul << (order & 31);
	return 0;
}
