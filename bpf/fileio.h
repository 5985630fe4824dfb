/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that work on files. */
#ifndef BPFLOW_FILEIO_H
#define BPFLOW_FILEIO_H

#include "include/hist.h"
#include "include/types.h"

/* What a call does to a file; 0 for calls that do nothing to any. */
enum file_operation {
	FILE_NONE,
	FILE_READ,
	FILE_WRITE,
	FILE_SYNC,
	FILE_OPEN,
	FILE_SEND, /* sendfile: reads */
	FILE_COPY, /* copy_file_range: reads and writes */
	FILE_OPERATIONS,
};

struct file_key {
	group_t group;
};

struct file_value {
	count_t calls;
	count_t opens;
	bytes_t read; /* of regular files, only on request */
	bytes_t written;
};

struct file_error_key {
	group_t group;
	errno_t error;
};

struct file_error_value {
	count_t count;
};

struct file_latency_key {
	group_t group;
	u32 operation;
};

#endif
