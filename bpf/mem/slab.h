/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How large an object of the slab allocator is, as each kernel's tracepoints tell it. */
#ifndef BPFLOW_MEM_SLAB_H
#define BPFLOW_MEM_SLAB_H

#include "../include/kernel.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kmem_cache {
	unsigned int size;
};

/* The trace events, and before 6.1 the one class of both. */
struct trace_event_raw_kmalloc {
	unsigned long bytes_alloc;
};
struct trace_event_raw_kmem_cache_alloc {
	unsigned long bytes_alloc;
};
struct trace_event_raw_kmem_alloc {
	unsigned long bytes_alloc;
};

#pragma clang attribute pop

/* What all of these records begin with. */
struct slab_record {
	u64 common;
	unsigned long caller;
	const void *object;
};

/* 5.19, 11e9734bcb6a "mm/slab_common: unify NUMA and UMA version of tracepoints" and what came before it, by their arguments. */
typedef void (*btf_trace_kmalloc___5_19)(void *, unsigned long, const void *, struct kmem_cache *,
					 unsigned long, unsigned long, unsigned int);
typedef void (*btf_trace_kmem_cache_alloc___5_19)(void *, unsigned long, const void *,
						  struct kmem_cache *, unsigned long, unsigned long,
						  unsigned int);
typedef void (*btf_trace_kmem_cache_alloc___5_10)(void *, unsigned long, const void *,
						  unsigned long, unsigned long, unsigned int);

/* Each argument is read in a place of its own, and kept there: older verifiers refuse one whose offset was chosen. */
static __always_inline u64 malloc_bytes(u64 *arguments)
{
	u64 bytes;

	if (bpf_core_type_exists(btf_trace_kmalloc___5_19)) {
		bytes = arguments[4];
		barrier_var(bytes);
	} else {
		bytes = arguments[3];
		barrier_var(bytes);
	}
	return bytes;
}

static __always_inline u64 cache_bytes(u64 *arguments)
{
	u64 bytes;

	if (bpf_core_type_exists(btf_trace_kmem_cache_alloc___5_10)) {
		bytes = arguments[3];
		barrier_var(bytes);
	} else if (bpf_core_type_exists(btf_trace_kmem_cache_alloc___5_19)) {
		bytes = arguments[4];
		barrier_var(bytes);
	} else {
		bytes = BPF_CORE_READ((struct kmem_cache *)arguments[2], size);
	}
	return bytes;
}

/* Nothing is told of no object. */
static __always_inline bool slab_found(u64 *arguments)
{
	return arguments[1];
}

static __always_inline u64 malloc_record_bytes(struct slab_record *record)
{
	if (bpf_core_type_exists(struct trace_event_raw_kmalloc))
		return ((struct trace_event_raw_kmalloc *)record)->bytes_alloc;
	return ((struct trace_event_raw_kmem_alloc *)record)->bytes_alloc;
}

static __always_inline u64 cache_record_bytes(struct slab_record *record)
{
	if (bpf_core_type_exists(struct trace_event_raw_kmem_cache_alloc))
		return ((struct trace_event_raw_kmem_cache_alloc *)record)->bytes_alloc;
	return ((struct trace_event_raw_kmem_alloc *)record)->bytes_alloc;
}

#endif
