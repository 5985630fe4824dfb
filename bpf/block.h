/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPFLOW_BLOCK_H
#define BPFLOW_BLOCK_H

#include "include/hist.h"
#include "include/types.h"

struct block_key {
	u32 major;
	u32 minor;
	u32 operation; /* REQ_OP_… (include/linux/blk_types.h) */
};

#endif
