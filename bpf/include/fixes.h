/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What differs between kernels, one get_…() each. */
#ifndef BPFLOW_FIXES_H
#define BPFLOW_FIXES_H

#include "kernel.h"

struct task_struct___5_13 {
	volatile long state;
} __attribute__((preserve_access_index));

/* 5.14, 2f064a59a11f "sched: Change task_struct::state": `state` (long) became `__state` (unsigned int). */
static __always_inline u64 get_task_state(struct task_struct *task)
{
	struct task_struct___5_13 *old = (void *)task;

	if (bpf_core_field_exists(old->state))
		return BPF_CORE_READ(old, state);
	return BPF_CORE_READ(task, __state);
}

/* The same of a task that the verifier knows as one: plain loads. */
static __always_inline u64 typed_task_state(struct task_struct *task)
{
	struct task_struct___5_13 *old = (void *)task;

	if (bpf_core_field_exists(old->state))
		return old->state;
	return task->__state;
}

/* Kernels built for one CPU have no `on_cpu` before 6.17; there a task that is woken never runs. */
static __always_inline bool has_on_cpu(void)
{
	return bpf_core_field_exists(struct task_struct, on_cpu);
}

/* Kernels built without CONFIG_TASK_XACCT count no bytes. */
static __always_inline bool has_io_accounting(void)
{
	return bpf_core_field_exists(struct task_io_accounting, rchar);
}

struct mm_rss_stat {
	struct {
		long counter;
	} count[4];
} __attribute__((preserve_access_index));

struct mm_struct___6_1 {
	struct mm_rss_stat rss_stat;
} __attribute__((preserve_access_index));

/*
 * 6.2, f1a7941243c1 "mm: convert mm's rss stats into percpu_counter": an array of counters whose common part is read; before, one
 * struct of atomics.
 */
static __always_inline u64 get_resident_pages(struct mm_struct *mm)
{
	s64 pages;

	if (bpf_core_type_exists(struct mm_rss_stat)) {
		struct mm_struct___6_1 *old = (void *)mm;

		pages = BPF_CORE_READ(old, rss_stat.count[MM_FILEPAGES].counter);
		pages += BPF_CORE_READ(old, rss_stat.count[MM_ANONPAGES].counter);
		pages += BPF_CORE_READ(old, rss_stat.count[MM_SHMEMPAGES].counter);
	} else {
		pages = BPF_CORE_READ(mm, rss_stat[MM_FILEPAGES].count);
		pages += BPF_CORE_READ(mm, rss_stat[MM_ANONPAGES].count);
		pages += BPF_CORE_READ(mm, rss_stat[MM_SHMEMPAGES].count);
	}
	return pages > 0 ? pages : 0;
}

/* 5.11, 3ca1032ab7ab "bpf: Implement get_current_task_btf and RET_PTR_TO_BTF_ID": before, an address without a type. */
static __always_inline struct task_struct *get_current(void)
{
	if (has_helper(get_current_task_btf))
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

struct bpf_tramp_image {
	void *image;
} __attribute__((preserve_access_index));

/*
 * 5.12 and later 5.10, e21aa341785c "bpf: Fix fexit trampoline": before, who slept in a function while its program was detached came
 * back to freed memory. Such a kernel refuses the program.
 */
static __always_inline void require_lasting_trampolines(void)
{
	u32 offset = bpf_core_field_offset(struct bpf_tramp_image, image);

	barrier_var(offset);
}

typedef void (*btf_trace_block_rq_issue)(void *data, struct request *request);

/*
 * 5.11, a54895fa057c "block: remove the request_queue to argument request based tracepoints": before, the queue came first. Some
 * older kernels have it without, so the tracepoint's own type is asked, not the version.
 */
static __always_inline bool has_queue_argument(void)
{
	return !bpf_core_type_exists(btf_trace_block_rq_issue);
}

struct request___5_16 {
	struct gendisk *rq_disk;
} __attribute__((preserve_access_index));

/* 5.17, f3fa33acca9f "block: remove the ->rq_disk field in struct request". */
static __always_inline struct gendisk *get_disk(struct request *request)
{
	struct request___5_16 *old = (void *)request;

	if (bpf_core_field_exists(old->rq_disk))
		return BPF_CORE_READ(old, rq_disk);
	return BPF_CORE_READ(request, q, disk);
}

/* The same of a request that the verifier knows as one: plain loads. */
static __always_inline struct gendisk *typed_disk(struct request *request)
{
	struct request___5_16 *old = (void *)request;

	if (bpf_core_field_exists(old->rq_disk))
		return old->rq_disk;
	return request->q->disk;
}

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 0x0002
#define nr_field  orig_ax

/* Whether the task is in a call by the 32-bit way in. */
static __always_inline bool is_compat(struct task_struct *current)
{
	if (has_helper(get_current_task_btf))
		return current->thread_info.status & TS_COMPAT;
	return BPF_CORE_READ(current, thread_info.status) & TS_COMPAT;
}

/* The first or second argument of a call by the 32-bit way in. */
static __always_inline u64 compat_argument(struct pt_regs *regs, bool second)
{
	return (u32)(second ? BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, bx));
}

/* The same of a native call; `typed`: the verifier knows the registers. */
static __always_inline u64 argument(struct pt_regs *regs, bool second, bool typed)
{
	if (typed)
		return second ? regs->si : regs->di;
	return second ? BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, di);
}

/* The first four arguments of a native call. */
static __always_inline void read_arguments(struct pt_regs *regs, u64 *args)
{
	args[0] = BPF_CORE_READ(regs, di);
	args[1] = BPF_CORE_READ(regs, si);
	args[2] = BPF_CORE_READ(regs, dx);
	args[3] = BPF_CORE_READ(regs, r10);
}
#else
#define TIF_32BIT_FLAG (1ul << 22)
#define nr_field       syscallno

/* Whether the task is in a call by the 32-bit way in. */
static __always_inline bool is_compat(struct task_struct *current)
{
	if (has_helper(get_current_task_btf))
		return current->thread_info.flags & TIF_32BIT_FLAG;
	return BPF_CORE_READ(current, thread_info.flags) & TIF_32BIT_FLAG;
}

/* The first or second argument of a native call: the first one's register has the result as the call ends. */
static __always_inline u64 argument(struct pt_regs *regs, bool second, bool typed)
{
	return second ? BPF_CORE_READ(regs, regs[1]) : BPF_CORE_READ(regs, orig_x0);
}

/* The first four arguments of a native call. */
static __always_inline void read_arguments(struct pt_regs *regs, u64 *args)
{
	args[0] = BPF_CORE_READ(regs, orig_x0);
	args[1] = BPF_CORE_READ(regs, regs[1]);
	args[2] = BPF_CORE_READ(regs, regs[2]);
	args[3] = BPF_CORE_READ(regs, regs[3]);
}

/* The same by the 32-bit way in. */
static __always_inline u64 compat_argument(struct pt_regs *regs, bool second)
{
	return (u32)argument(regs, second, false);
}
#endif

#endif
