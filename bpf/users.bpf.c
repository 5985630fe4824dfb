/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tasks that become somebody else, which they do by a call: what they did until then is still the user's before. Only where users are
 * asked for and nobody else looks at every call.
 */
#include "include/maps.h"

static __always_inline int on_exit(void)
{
	struct task_struct *current = get_current();
	struct task_state *state = get_state(current, true);

	if (state)
		refresh(state, current);
	else
		note(LEDGER_NO_STATE);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(user_change_btf)
{
	return on_exit();
}

SEC("raw_tp/sys_exit")
int BPF_PROG(user_change_raw)
{
	return on_exit();
}

SEC("tracepoint/raw_syscalls/sys_exit")
int user_change_tp(struct sys_exit_record *record)
{
	return on_exit();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
