/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// Nothing at all: what the run statistics themselves cost.
#include "limit.h"

SEC("tp_btf/signal_generate")
int BPF_PROG(empty)
{
	return 0;
}
