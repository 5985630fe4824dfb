/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Allocations of pages and of address space, and OOM kills. */
#include "include/maps.h"
#include "mem.h"
#include "mem/slab.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct memory_key);
	__type(value, struct memory_value);
} memory SEC(".maps");

/* What finds no room in `memory`, by kind. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MEMORY_KINDS);
	__type(key, u32);
	__type(value, struct memory_value);
} other_memory SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define NR_MMAP	     9
#define NR_BRK	     12
#define COMPAT_MMAP2 192
#else
#define NR_MMAP	     222
#define NR_BRK	     214
#define COMPAT_MMAP2 192
#endif
#define COMPAT_BRK 45

static __always_inline void count(group_t group, u32 kind, u64 amount)
{
	static const struct memory_value zero;
	struct memory_key key = {.group = group, .kind = kind};
	struct memory_value *value = NULL;

	if (group == GROUP_EXCLUDED)
		return;
	if (group != GROUP_OTHER) {
		value = bpf_map_lookup_elem(&memory, &key);
		if (!value) {
			bpf_map_update_elem(&memory, &key, &zero, BPF_NOEXIST);
			value = bpf_map_lookup_elem(&memory, &key);
		}
		if (!value)
			note(LEDGER_MEMORY_FULL);
	}
	if (!value)
		value = bpf_map_lookup_elem(&other_memory, &kind);
	if (!value)
		return;
	value->count++;
	value->amount += amount;
}

/*
 * Runs in interrupts too, where the task that is interrupted is charged, and under locks, where nothing may be made: a task is
 * not regrouped here.
 */
static __always_inline int on_allocation(bool found, u32 kind, u64 amount)
{
	struct task_state *state;

	if (!found)
		return 0;
	state = get_state(get_current(), false);
	count(state ? state->group : GROUP_OTHER, kind, amount);
	return 0;
}

static __always_inline int on_page(bool found, u32 order)
{
	return on_allocation(found, MEMORY_PAGE, 1ul << (order & 31));
}

static __always_inline int on_exit(struct pt_regs *regs, u32 nr, s64 result, bool typed)
{
	struct task_struct *current;
	struct task_state *state;
	u64 asked;
	bool compat;

	if (nr != NR_MMAP && nr != NR_BRK && nr != COMPAT_MMAP2 && nr != COMPAT_BRK)
		return 0;
	current = get_current();
	compat = is_compat(current);
	if (nr == (compat ? COMPAT_MMAP2 : NR_MMAP)) {
		if ((u64)result >= (u64)-MAX_ERRNO)
			return 0;
		asked = compat ? compat_argument(regs, true) : argument(regs, true, typed);
	} else if (nr == (compat ? COMPAT_BRK : NR_BRK)) {
		/* It returns where the heap ends: elsewhere than asked when it failed or was only asked for. */
		asked = compat ? compat_argument(regs, false) : argument(regs, false, typed);
		if (!asked || (u64)result != asked)
			return 0;
		asked = 0;
	} else {
		return 0;
	}
	state = get_state(current, true);
	if (state)
		refresh(state, current);
	count(state ? state->group : GROUP_OTHER,
	      nr == (compat ? COMPAT_BRK : NR_BRK) ? MEMORY_BRK : MEMORY_MMAP, asked);
	return 0;
}

static __always_inline int on_victim(struct task_struct *victim)
{
	struct task_state *state = get_state(victim, false);

	count(state ? state->group : GROUP_OTHER, MEMORY_OOM_KILL, 0);
	return 0;
}

SEC("tp_btf/mm_page_alloc")
int BPF_PROG(page_alloc_btf, void *page, unsigned int order)
{
	return on_page(page, order);
}

SEC("raw_tp/mm_page_alloc")
int BPF_PROG(page_alloc_raw, void *page, unsigned int order)
{
	return on_page(page, order);
}

SEC("tracepoint/kmem/mm_page_alloc")
int page_alloc_tp(struct page_alloc_record *record)
{
	return on_page(record->frame != NO_FRAME, record->order);
}

SEC("tp_btf/kmalloc")
int slab_malloc_btf(u64 *arguments)
{
	return on_allocation(slab_found(arguments), MEMORY_SLAB, malloc_bytes(arguments));
}

SEC("raw_tp/kmalloc")
int slab_malloc_raw(u64 *arguments)
{
	return on_allocation(slab_found(arguments), MEMORY_SLAB, malloc_bytes(arguments));
}

SEC("tracepoint/kmem/kmalloc")
int slab_malloc_tp(struct slab_record *record)
{
	return on_allocation(record->object, MEMORY_SLAB, malloc_record_bytes(record));
}

SEC("tp_btf/kmem_cache_alloc")
int slab_cache_btf(u64 *arguments)
{
	return on_allocation(slab_found(arguments), MEMORY_SLAB, cache_bytes(arguments));
}

SEC("raw_tp/kmem_cache_alloc")
int slab_cache_raw(u64 *arguments)
{
	return on_allocation(slab_found(arguments), MEMORY_SLAB, cache_bytes(arguments));
}

SEC("tracepoint/kmem/kmem_cache_alloc")
int slab_cache_tp(struct slab_record *record)
{
	return on_allocation(record->object, MEMORY_SLAB, cache_record_bytes(record));
}

SEC("tp_btf/sys_exit")
int BPF_PROG(memory_exit_btf, struct pt_regs *regs, long result)
{
	return on_exit(regs, regs->nr_field, result, true);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(memory_exit_raw, struct pt_regs *regs, long result)
{
	return on_exit(regs, BPF_CORE_READ(regs, nr_field), result, false);
}

SEC("tracepoint/raw_syscalls/sys_exit")
int memory_exit_tp(struct sys_exit_record *record)
{
	return on_exit((struct pt_regs *)bpf_task_pt_regs(get_current()), record->nr,
		       record->result, true);
}

/* 6.9, "mm: update mark_victim tracepoints fields": the victim; before, its process id alone. */
SEC("tp_btf/mark_victim")
int BPF_PROG(oom_victim_btf, struct task_struct *victim)
{
	return on_victim(victim);
}

SEC("raw_tp/mark_victim")
int BPF_PROG(oom_victim_raw, u64 victim)
{
	struct task_struct *current = get_current();

	if (victim >> 32 && !use_task_storage)
		return on_victim((struct task_struct *)victim);
	/* Only the id is known: of the task that ran out of memory itself, or of one that cannot be reached from here. */
	if ((u32)victim == (u32)BPF_CORE_READ(current, pid))
		return on_victim(current);
	count(GROUP_OTHER, MEMORY_OOM_KILL, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
