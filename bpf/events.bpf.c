/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events: what happens once and is told one by one. Apart from all that counts: they only share what is known of tasks. */
#include "events/process.h"
#include "events/container.h"
#include "events/move.h"
#include "events/tcp.h"
#include "events/file.h"
#include "events/identity.h"
#include "events/memory.h"

/* What programs only point to would not be among the types that user space checks. */
union event_body {
	struct exit_body exit;
	struct signal_body signal;
	struct oom_body oom;
	struct tcp_body tcp;
	struct namespace_body namespaces;
	struct privilege_body privileges;
	struct memory_body memory;
	struct stack_body stack;
	struct stack_frame frame;
};
const union event_body *event_bodies __attribute__((unused));

char LICENSE[] SEC("license") = "Dual BSD/GPL";
