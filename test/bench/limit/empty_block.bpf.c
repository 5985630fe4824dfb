/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// Nothing, where a request is completed: what the run statistics cost.
#include "limit.h"

SEC("tp_btf/block_rq_complete")
int BPF_PROG(empty)
{
	return 0;
}
