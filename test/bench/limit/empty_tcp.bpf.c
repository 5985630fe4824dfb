/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// Nothing, where a TCP socket changes its state: what the run statistics cost.
#include "limit.h"

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(empty)
{
	return 0;
}
