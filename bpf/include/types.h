/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Semantic types: their names say the unit, and the cursor generator turns them into documented accessors. */
#ifndef BPFLOW_TYPES_H
#define BPFLOW_TYPES_H

#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

typedef u64 ns_t; /* nanoseconds */
typedef u64 bytes_t; /* bytes */
typedef u64 count_t; /* occurrences */
typedef u64 cgroup_id_t; /* inode of its folder */
typedef u32 group_t; /* id of a series group; 0 is `other` */
typedef u32 pid_type; /* thread group id in the initial pid namespace */
typedef u32 syscall_t; /* system call number, its ABI in the two highest bits */
typedef s32 errno_t; /* positive error number */
typedef char comm_t[16]; /* name of a thread */

#endif
