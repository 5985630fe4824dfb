/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is left out altogether: the agent itself, other users than those asked for, what runs outside the agent's pod. */
#ifndef BPFLOW_SCOPE_H
#define BPFLOW_SCOPE_H

#include "../process.h"
#include "fixes.h"

/* Cgroups on the way to the root that are looked at; the kernel itself allows any number. */
#define CGROUP_DEPTH 32

struct user_range {
	u32 first;
	u32 last;
};

/* Effective users that count, in ranges; none: all. */
const volatile u32 user_ranges = 0;
const volatile struct user_range users[USER_RANGES] = {};

/* The effective user. Not of the credentials that the kernel lends a task for a moment, as overlayfs does. */
static __always_inline u32 user_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, real_cred, euid.val);
}

/* The same by plain loads, where the verifier knows the task. */
static __always_inline u32 user_of_current(struct task_struct *current)
{
	if (has_helper(get_current_task_btf))
		return current->real_cred->euid.val;
	return user_of(current);
}

static __always_inline bool is_user_wanted(struct task_struct *task)
{
	u32 user;

	if (!user_ranges)
		return true;
	user = user_of(task);
	for (u32 i = 0; i < USER_RANGES; i++) {
		if (i >= user_ranges)
			break;
		if (user >= users[i].first && user <= users[i].last)
			return true;
	}
	return false;
}

/* NULL above the root: reading what is not there gives zeros. */
static __always_inline struct cgroup *parent_of(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, self.parent, cgroup);
}

/* Whether it is the cgroup with this id, or one below. */
static __always_inline bool is_at_or_below(struct cgroup *cgroup, cgroup_id_t id)
{
	for (int i = 0; i < CGROUP_DEPTH && cgroup; i++) {
		if (BPF_CORE_READ(cgroup, kn, id) == id)
			return true;
		cgroup = parent_of(cgroup);
	}
	return false;
}

static __always_inline bool is_in_scope(const struct node *shared, struct cgroup *cgroup)
{
	return !shared->scope || is_at_or_below(cgroup, shared->scope);
}

static __always_inline bool is_left_out(const struct node *shared, struct task_struct *task)
{
	if (shared->agent && (u32)BPF_CORE_READ(task, tgid) == shared->agent)
		return true;
	return !is_user_wanted(task) || !is_in_scope(shared, cgroup_of(task));
}

#endif
