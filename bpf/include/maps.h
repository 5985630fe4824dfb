/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Maps that the objects share, and what is done with them: the state of a task and the group it counts for.
 * Every object declares them; user space creates them with process.bpf.o and gives them to the others.
 */
#ifndef BPFLOW_MAPS_H
#define BPFLOW_MAPS_H

#include "../process.h"
#include "cgroup.h"
#include "fixes.h"
#include "kernel.h"
#include "scope.h"

#ifndef BPF_F_NO_PREALLOC
#define BPF_F_NO_PREALLOC 1
#endif

/* Where task state lives: task storage (5.11), else a hash by the task's address. */
const volatile bool use_task_storage = true;
/* Which parts of a group are asked for. */
const volatile bool with_pid = false;
const volatile bool with_command = false;
/* What is credited beside run time and switches. */
const volatile bool with_io = false;
const volatile bool with_memory = false;

/*
 * A new task returns from its parent's call first; of one whose beginning was not seen nobody knows. The call that began a new
 * program is about to end (only where the kernel does not adapt its number to that program's ABI).
 */
#define FRESH_NEW    1
#define FRESH_UNSEEN 2
#define FRESH_EXEC   3

/* Last seen value of each counter that the kernel keeps for a task. */
struct task_counters {
	ns_t runtime;
	count_t voluntary;
	count_t involuntary;
	bytes_t read;
	bytes_t written;
	count_t minor_faults;
	count_t major_faults;
};

struct task_state {
	u64 css_set; /* address of the css_set it was grouped under; 0: not grouped yet */
	group_t group;
	u32 pending; /* syscall_t + 1 of a call that the kernel will make again, 0 for none */
	u32 pending_kind; /* ERESTART… */
	u32 fresh; /* FRESH_…, until the task's first return to user space */
	u32 user; /* only with users asked for: whom it was grouped under */
	u32 reserved;
	ns_t syscall_start;
	ns_t queued_at;
	ns_t file_start; /* of a call on a file */
	struct task_counters last;
	comm_t command; /* only with_command */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} task_states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	/* All made beforehand: entries are added where nothing may be allocated. */
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct task_state);
} task_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct group_key);
	__type(value, struct group_value);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, group_t);
	__type(value, struct group_totals);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct node);
} node SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LEDGER_SLOTS);
	__type(key, u32);
	__type(value, u64);
} ledger SEC(".maps");

static __always_inline void note(u32 slot)
{
	u64 *count = bpf_map_lookup_elem(&ledger, &slot);

	if (count)
		(*count)++;
}

static __always_inline struct node *get_node(void)
{
	u32 first = 0;

	return bpf_map_lookup_elem(&node, &first);
}

/* The task's state, zeroed when it is new. NULL when it has none and none may or can be made. */
static __always_inline struct task_state *get_state(struct task_struct *task, bool create)
{
	if (use_task_storage)
		return bpf_task_storage_get(&task_states, task, 0,
					    create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);

	static const struct task_state zero;
	u64 key = (u64)task;
	struct task_state *state = bpf_map_lookup_elem(&task_table, &key);

	if (state || !create)
		return state;
	bpf_map_update_elem(&task_table, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&task_table, &key);
}

/* What a CPU remembers of its last task may be wrong from now on: a task changes its group, or begins under a used address. */
static __always_inline void note_change(void)
{
	struct node *shared = get_node();

	if (shared)
		__sync_fetch_and_add(&shared->changes, 1);
}

static __always_inline void read_counters(struct task_struct *task, struct task_counters *now)
{
	now->runtime = BPF_CORE_READ(task, se.sum_exec_runtime);
	now->voluntary = BPF_CORE_READ(task, nvcsw);
	now->involuntary = BPF_CORE_READ(task, nivcsw);
	if (with_io && has_io_accounting()) {
		now->read = BPF_CORE_READ(task, ioac.rchar);
		now->written = BPF_CORE_READ(task, ioac.wchar);
	}
	if (with_memory) {
		now->minor_faults = BPF_CORE_READ(task, min_flt);
		now->major_faults = BPF_CORE_READ(task, maj_flt);
	}
}

static __always_inline struct group_totals *get_totals(group_t group)
{
	struct group_totals *found = bpf_map_lookup_elem(&totals, &group);
	group_t other = GROUP_OTHER;

	return found ? found : bpf_map_lookup_elem(&totals, &other);
}

/*
 * 5.12, 5ffa25502b5a "bpf: Add instructions for atomic_[cmp]xchg": before, a verifier refuses objects that contain such an
 * instruction at all, be it in dead code. For those kernels the objects are compiled a second time, with PLAIN_ATOMICS, and a
 * task is credited under a lock: an entry of the table of tasks that only one CPU at a time can insert. Who holds it is never
 * preempted on these kernels, and is done in less time than a few attempts take.
 */
#ifdef PLAIN_ATOMICS
#define LOCK_ATTEMPTS 256

/* Task addresses are even, so this key is no task's. */
static __always_inline u64 lock_key(struct task_struct *task)
{
	return (u64)task + 1;
}

static __noinline bool lock(u64 key)
{
	static const struct task_state zero;

	for (int i = 0; i < LOCK_ATTEMPTS; i++)
		if (!bpf_map_update_elem(&task_table, &key, &zero, BPF_NOEXIST))
			return true;
	note(LEDGER_UNLOCKED_CREDIT);
	return false;
}

static __always_inline void unlock(u64 key)
{
	bpf_map_delete_elem(&task_table, &key);
}

/* Moves `last` up to `now` and returns by how much. */
static __always_inline u64 advance(u64 *last, u64 now)
{
	u64 seen = *last;

	if (now <= seen)
		return 0;
	*last = now;
	return now - seen;
}
#else
static __always_inline u64 lock_key(struct task_struct *task)
{
	return 0;
}

static __always_inline bool lock(u64 key)
{
	return false;
}

static __always_inline void unlock(u64 key)
{
}

/*
 * Moves `last` up to `now` and returns by how much, 0 when somebody else was further already. It never moves back: else an
 * iterator that is late could undo the final credit of a task that has ended, and nobody would come after it.
 */
static __always_inline u64 advance(u64 *last, u64 now)
{
	/* Only one iterator runs at a time, so whoever loses the exchange wins the next one. */
	for (int i = 0; i < 4; i++) {
		u64 seen = *(volatile u64 *)last;

		if (now <= seen)
			return 0;
		if (__sync_val_compare_and_swap(last, seen, now) == seen)
			return now - seen;
	}
	return 0;
}
#endif

/* Adds what the kernel counted for the task since the last time to its group. The iterator and a task's own hooks may meet on one task. */
static __always_inline void credit(struct task_state *state, struct task_struct *task)
{
	struct task_counters now = {};
	struct group_totals *sum;
	u64 key = lock_key(task);
	bool locked;

	if (state->group == GROUP_EXCLUDED)
		return;
	sum = get_totals(state->group);
	if (!sum)
		return;
	locked = lock(key);
	read_counters(task, &now);
	__sync_fetch_and_add(&sum->runtime, advance(&state->last.runtime, now.runtime));
	__sync_fetch_and_add(&sum->voluntary, advance(&state->last.voluntary, now.voluntary));
	__sync_fetch_and_add(&sum->involuntary, advance(&state->last.involuntary, now.involuntary));
	if (with_io) {
		__sync_fetch_and_add(&sum->read, advance(&state->last.read, now.read));
		__sync_fetch_and_add(&sum->written, advance(&state->last.written, now.written));
	}
	if (with_memory) {
		__sync_fetch_and_add(&sum->minor_faults,
				     advance(&state->last.minor_faults, now.minor_faults));
		__sync_fetch_and_add(&sum->major_faults,
				     advance(&state->last.major_faults, now.major_faults));
	}
	if (locked)
		unlock(key);
}

/* What the kernel counted for the task until now is nobody's. */
static __always_inline void set_baseline(struct task_state *state, struct task_struct *task)
{
	struct task_counters now = {};

	read_counters(task, &now);
	advance(&state->last.runtime, now.runtime);
	advance(&state->last.voluntary, now.voluntary);
	advance(&state->last.involuntary, now.involuntary);
	if (with_io) {
		advance(&state->last.read, now.read);
		advance(&state->last.written, now.written);
	}
	if (with_memory) {
		advance(&state->last.minor_faults, now.minor_faults);
		advance(&state->last.major_faults, now.major_faults);
	}
}

static __always_inline void read_command(struct task_struct *task, char *command)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	bpf_core_read_str(command, sizeof(comm_t), &leader->comm);
}

static __always_inline void describe(struct task_struct *task, struct group_key *key)
{
	struct mm_struct *mm;

	key->cgroup = cgroup_id_of(task);
	if (with_pid)
		key->pid = BPF_CORE_READ(task, tgid);
	if (with_command)
		read_command(task, key->command);
	/* First: a kernel thread may work for a while in the memory of a process. */
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD) {
		key->kernel_thread = 1;
		__builtin_memcpy(key->process, "kernel", sizeof("kernel"));
		return;
	}
	mm = BPF_CORE_READ(task, mm);
	if (mm) {
		const unsigned char *name = BPF_CORE_READ(mm, exe_file, f_path.dentry, d_name.name);

		bpf_probe_read_kernel_str(key->process, sizeof(key->process), name);
	}
}

/*
 * A new id with its totals. The counter only grows, and each caller reads it after its own step: two callers can read the same
 * number only at the same time, and then the insertion lets one of them have it. So no id is ever used again.
 */
static __always_inline group_t new_group(struct node *shared)
{
	static const struct group_totals zero;

	for (int i = 0; i < 8; i++) {
		group_t id;

		__sync_fetch_and_add(&shared->next_group, 1);
		id = *(volatile u64 *)&shared->next_group;
		if (id == GROUP_OTHER || id == GROUP_EXCLUDED)
			continue;
		if (!bpf_map_update_elem(&totals, &id, &zero, BPF_NOEXIST))
			return id;
	}
	return GROUP_OTHER;
}

static __noinline group_t find_group(struct task_struct *task)
{
	struct group_key key = {};
	struct group_value value = {}, *found;
	struct node *shared = get_node();

	if (!shared)
		return GROUP_OTHER;
	if (is_left_out(shared, task))
		return GROUP_EXCLUDED;
	describe(task, &key);
	if (!key.process[0])
		return GROUP_OTHER;
	found = bpf_map_lookup_elem(&groups, &key);
	if (found)
		return found->id;
	value.id = new_group(shared);
	if (value.id == GROUP_OTHER) {
		note(LEDGER_GROUPS_FULL);
		return GROUP_OTHER;
	}
	if (!bpf_map_update_elem(&groups, &key, &value, BPF_NOEXIST))
		return value.id;
	/* Another CPU was faster, or the map is full. */
	bpf_map_delete_elem(&totals, &value.id);
	found = bpf_map_lookup_elem(&groups, &key);
	if (found)
		return found->id;
	note(LEDGER_GROUPS_FULL);
	return GROUP_OTHER;
}

/*
 * Gives the task the group it belongs to now; what it did until now is credited to the one before. A task that is seen for the
 * first time and is no new one starts from what the kernel has counted so far: nothing from before is ours, as little as what
 * a task did while it was left out.
 */
static __noinline void regroup(struct task_state *state, struct task_struct *task)
{
	if (!state->css_set || state->group == GROUP_EXCLUDED)
		set_baseline(state, task);
	else
		credit(state, task);
	if (!state->css_set)
		state->fresh = FRESH_UNSEEN;
	/* Before it is judged by it: a change meanwhile is seen the next time. */
	if (user_ranges)
		state->user = user_of(task);
	state->group = find_group(task);
	state->css_set = (u64)BPF_CORE_READ(task, cgroups);
	if (with_command)
		read_command(task, state->command);
	note_change();
}

/* The css_set tells every move between cgroups, of every thread, by one load. */
static __always_inline u64 css_set_of(struct task_struct *current)
{
	if (has_helper(get_current_task_btf))
		return (u64)current->cgroups;
	return (u64)BPF_CORE_READ(current, cgroups);
}

static __always_inline bool command_changed(struct task_state *state, struct task_struct *task)
{
	u64 now[2] = {};
	u64 *then = (u64 *)state->command;

	read_command(task, (char *)now);
	return now[0] != then[0] || now[1] != then[1];
}

/* Whether the current task has changed its cgroup or its user. */
static __always_inline bool has_moved(struct task_state *state, struct task_struct *current)
{
	return state->css_set != css_set_of(current) ||
	       (user_ranges && state->user != user_of_current(current));
}

/* Gives the current task the group it belongs to at this moment. */
static __always_inline void refresh(struct task_state *state, struct task_struct *current)
{
	if (has_moved(state, current) || (with_command && command_changed(state, current)))
		regroup(state, current);
}

#endif
