/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// Nothing, where a socket sends: what the run statistics cost.
#include "limit.h"

SEC("tp_btf/sock_send_length")
int BPF_PROG(empty)
{
	return 0;
}
