/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory that tasks ask for, and the ones that are killed for want of it. */
#ifndef BPFLOW_MEM_H
#define BPFLOW_MEM_H

#include "include/types.h"

enum memory_kind {
	MEMORY_PAGE, /* pages from the kernel's allocator, for whatever purpose */
	MEMORY_MMAP, /* address space by mmap */
	MEMORY_BRK, /* moves of the heap's end */
	MEMORY_SLAB, /* the kernel's objects: kmalloc and kmem_cache_alloc */
	MEMORY_OOM_KILL, /* the victim's process */
	MEMORY_KINDS,
};

struct memory_key {
	group_t group;
	u32 kind;
};

struct memory_value {
	count_t count;
	u64 amount; /* pages of MEMORY_PAGE, bytes of MEMORY_MMAP and MEMORY_SLAB */
};

#endif
