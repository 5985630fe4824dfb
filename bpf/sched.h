/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef BPFLOW_SCHED_H
#define BPFLOW_SCHED_H

#include "include/hist.h"
#include "include/types.h"

struct wait_key {
	group_t group;
};

#endif
