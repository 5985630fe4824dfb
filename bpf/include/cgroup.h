/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* In which tree of cgroups a task is looked for: that of version 2, or where there is none a hierarchy of version 1. */
#ifndef BPFLOW_CGROUP_H
#define BPFLOW_CGROUP_H

#include "kernel.h"

#define CGROUP_V1_MEMORY 1
#define CGROUP_V1_PIDS	 2

/* 0: version 2; else the controller whose hierarchy it is. */
const volatile u32 cgroup_v1_controller = 0;
/* Number of the hierarchy; version 2 has 0. */
const volatile int cgroup_hierarchy = 0;

/* The places of controllers differ between kernels. */
enum cgroup_subsys_id___v1 {
	memory_cgrp_id___v1,
	pids_cgrp_id___v1,
};

struct cgroup_subsys_state___v1 {
	struct cgroup *cgroup;
} __attribute__((preserve_access_index));

struct css_set___v1 {
	struct cgroup_subsys_state___v1 *subsys[1];
} __attribute__((preserve_access_index));

/* Whether it is in that tree; ids of others may be the same. */
static __always_inline bool is_in_tree(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, root, hierarchy_id) == cgroup_hierarchy;
}

static __always_inline struct cgroup *cgroup_v1_of(struct css_set *set)
{
	struct cgroup_subsys_state___v1 *state = NULL;
	u64 place;

	if (cgroup_v1_controller == CGROUP_V1_PIDS)
		place = bpf_core_enum_value(enum cgroup_subsys_id___v1, pids_cgrp_id___v1);
	else
		place = bpf_core_enum_value(enum cgroup_subsys_id___v1, memory_cgrp_id___v1);
	bpf_probe_read_kernel(&state, sizeof(state),
			      (void *)set + bpf_core_field_offset(struct css_set___v1, subsys) +
				      place * sizeof(state));
	return BPF_CORE_READ(state, cgroup);
}

static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);

	return cgroup_v1_controller ? cgroup_v1_of(set) : BPF_CORE_READ(set, dfl_cgrp);
}

/* As user space knows it: the inode of its folder. */
static __always_inline cgroup_id_t cgroup_id_of(struct task_struct *task)
{
	struct cgroup *cgroup = cgroup_of(task);

	return BPF_CORE_READ(cgroup, kn, id);
}

#endif
