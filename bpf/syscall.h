/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPFLOW_SYSCALL_H
#define BPFLOW_SYSCALL_H

#include "include/hist.h"
#include "include/types.h"

/* The two highest bits of a syscall_t: whose numbers these are. */
#define SYSCALL_ABI_SHIFT   30
#define SYSCALL_ABI_NATIVE  0
#define SYSCALL_ABI_COMPAT  1 /* 32-bit */
#define SYSCALL_ABI_X32	    2
#define SYSCALL_NUMBER_MASK 0x3fffffff
/* No kernel has as many; all numbers from here on, which any program can make up, are the one number SYSCALL_UNKNOWN. */
#define SYSCALL_NUMBERS 1024
#define SYSCALL_UNKNOWN 0x3fffffff

/* Slots of the overflow array: 512 for each ABI; numbers above share the last. */
#define SYSCALL_SLOTS_PER_ABI 512
#define SYSCALL_SLOTS	      (4 * SYSCALL_SLOTS_PER_ABI)
#define LATENCY_SLOTS	      512
#define ERRNO_SLOTS	      4096

struct syscall_key {
	group_t group;
	syscall_t syscall;
};

struct syscall_error_key {
	group_t group;
	syscall_t syscall;
	errno_t error;
	u32 reserved;
};

struct syscall_value {
	count_t count;
};

#endif
