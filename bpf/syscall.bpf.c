/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls: count and errors by group and call, counted once for each call that user space made, and their latency.
 *
 *   enter ──▶ (latency only) start time into the task's state
 *   exit  ──▶ count, error, latency    but not for: a child's return from its parent's fork,
 *                                      a result that asks the kernel to make the call again
 *   signal_deliver ──▶ decides whether such a call ends with EINTR (counted then) or is made again
 *   process_exit ──▶ exit and exit_group, which never return
 */
#include "include/maps.h"
#include "include/sampling.h"
#include "syscall.h"

/* No call's syscall_t: its ABI is none. */
#define NO_SYSCALL 0xffffffff

/* Whether latency is on: without it no state is read but the group. */
const volatile bool with_latency = true;
/* Whether the programs that decide about restarted calls are attached. */
const volatile bool with_restarts = true;
/* Whether the histogram is kept for each group. */
const volatile bool latency_by_group = false;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct syscall_key);
	__type(value, struct syscall_value);
} syscalls SEC(".maps");

/* What finds no room in `syscalls`, by SYSCALL_SLOTS index. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SYSCALL_SLOTS);
	__type(key, u32);
	__type(value, struct syscall_value);
} other_syscalls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct syscall_error_key);
	__type(value, struct syscall_value);
} syscall_errors SEC(".maps");

/* What finds no room in `syscall_errors`, by error number. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ERRNO_SLOTS);
	__type(key, u32);
	__type(value, struct syscall_value);
} other_errors SEC(".maps");

/* Latency by call, for the calls that programs make: native ones with a number below LATENCY_SLOTS. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LATENCY_SLOTS);
	__type(key, u32);
	__type(value, struct hist);
} latencies SEC(".maps");

/* All others, and all of them with latency_by_group; group 0 without. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, struct syscall_key);
	__type(value, struct hist);
} keyed_latencies SEC(".maps");

/* What finds no room in `keyed_latencies`. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct hist);
} other_latencies SEC(".maps");

/* The last task of each CPU that needed nothing but its group: its calls are counted without looking for its state. */
struct last_task {
	u64 task;
	u64 css_set;
	u64 changes;
	u64 chosen;
	group_t group;
	u32 user;
};

#define CHOSEN_SLOTS 1024

/* How many calls were chosen to be timed, by a hash of their tasks: what CPUs remember of such a task does not hold for it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CHOSEN_SLOTS);
	__type(key, u32);
	__type(value, u64);
} chosen_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct last_task);
} last_tasks SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define X32_BIT		    0x40000000
#define NR_RT_SIGRETURN	    15
#define NR_RESTART	    219
#define NR_CLONE	    56
#define NR_FORK		    57
#define NR_VFORK	    58
#define NR_EXIT		    60
#define NR_EXIT_GROUP	    231
#define COMPAT_RT_SIGRETURN 173
#define COMPAT_RESTART	    0
#define THREAD_SIZE	    16384
#else
#define NR_RT_SIGRETURN	    139
#define NR_RESTART	    128
#define NR_CLONE	    220
#define NR_FORK		    NR_CLONE
#define NR_VFORK	    NR_CLONE
#define NR_EXIT		    93
#define NR_EXIT_GROUP	    94
#define NR_EXECVE	    221
#define NR_EXECVEAT	    281
#define COMPAT_EXECVE	    11
#define COMPAT_EXECVEAT	    387
#define COMPAT_RT_SIGRETURN 173
#define COMPAT_RESTART	    0
#define THREAD_SIZE	    16384
#endif
#define NR_CLONE3	      435
#define COMPAT_FORK	      2
#define COMPAT_CLONE	      120
#define COMPAT_VFORK	      190
#define COMPAT_EXIT	      1
#define COMPAT_EXIT_GROUP_X86 252
#define COMPAT_EXIT_GROUP_ARM 248

/* -1 is what rt_sigreturn leaves behind: it restored all registers. */
static __noinline syscall_t to_rare_syscall(u32 nr, bool compat)
{
	u32 abi = compat ? SYSCALL_ABI_COMPAT : SYSCALL_ABI_NATIVE;

	if (nr == -1u)
		nr = compat ? COMPAT_RT_SIGRETURN : NR_RT_SIGRETURN;
#if defined(__TARGET_ARCH_x86)
	if (!compat && (nr & X32_BIT)) {
		abi = SYSCALL_ABI_X32;
		nr &= ~X32_BIT;
	}
#endif
	if (nr >= SYSCALL_NUMBERS)
		nr = SYSCALL_UNKNOWN;
	return nr | abi << SYSCALL_ABI_SHIFT;
}

/* The number as a syscall_t. */
static __always_inline syscall_t to_syscall(struct task_struct *current, s32 nr)
{
	bool compat = is_compat(current);

	if (compat || (u32)nr >= SYSCALL_NUMBERS)
		return to_rare_syscall(nr, compat);
	return nr;
}

static __always_inline bool is_restart(syscall_t syscall)
{
	return syscall == NR_RESTART ||
	       syscall == (COMPAT_RESTART | SYSCALL_ABI_COMPAT << SYSCALL_ABI_SHIFT);
}

static __always_inline bool is_exit(syscall_t syscall)
{
	u32 nr = syscall & SYSCALL_NUMBER_MASK;

	if (syscall >> SYSCALL_ABI_SHIFT != SYSCALL_ABI_COMPAT)
		return nr == NR_EXIT || nr == NR_EXIT_GROUP;
#if defined(__TARGET_ARCH_x86)
	return nr == COMPAT_EXIT || nr == COMPAT_EXIT_GROUP_X86;
#else
	return nr == COMPAT_EXIT || nr == COMPAT_EXIT_GROUP_ARM;
#endif
}

static __always_inline bool is_fork(syscall_t syscall)
{
	u32 nr = syscall & SYSCALL_NUMBER_MASK;

	if (syscall >> SYSCALL_ABI_SHIFT != SYSCALL_ABI_COMPAT)
		return nr == NR_CLONE || nr == NR_FORK || nr == NR_VFORK || nr == NR_CLONE3;
	return nr == COMPAT_CLONE || nr == COMPAT_FORK || nr == COMPAT_VFORK || nr == NR_CLONE3;
}

#if !defined(__TARGET_ARCH_x86)
/*
 * The call that began a new program: it ends in that program's ABI, under the number that it was made by, which tells the ABI that it
 * was made in. x86 gives it the new program's number.
 */
static __always_inline syscall_t to_exec(syscall_t syscall)
{
	u32 nr = syscall & SYSCALL_NUMBER_MASK;

	if (nr == NR_EXECVE || nr == NR_EXECVEAT)
		return nr;
	if (nr == COMPAT_EXECVE || nr == COMPAT_EXECVEAT)
		return nr | SYSCALL_ABI_COMPAT << SYSCALL_ABI_SHIFT;
	return syscall;
}
#endif

static __always_inline void count(group_t group, syscall_t syscall)
{
	static const struct syscall_value zero;
	struct syscall_key key = {.group = group, .syscall = syscall};
	struct syscall_value *value = bpf_map_lookup_elem(&syscalls, &key);

	if (!value) {
		u32 slot = syscall & SYSCALL_NUMBER_MASK;

		if (group != GROUP_OTHER) {
			bpf_map_update_elem(&syscalls, &key, &zero, BPF_NOEXIST);
			value = bpf_map_lookup_elem(&syscalls, &key);
		}
		if (!value) {
			if (slot >= SYSCALL_SLOTS_PER_ABI)
				slot = SYSCALL_SLOTS_PER_ABI - 1;
			slot += (syscall >> SYSCALL_ABI_SHIFT) * SYSCALL_SLOTS_PER_ABI;
			value = bpf_map_lookup_elem(&other_syscalls, &slot);
			if (group != GROUP_OTHER)
				note(LEDGER_SYSCALLS_FULL);
		}
	}
	if (value)
		value->count++;
}

static __noinline void count_error(group_t group, syscall_t syscall, s32 error)
{
	static const struct syscall_value zero;
	struct syscall_error_key key = {.group = group, .syscall = syscall, .error = error};
	struct syscall_value *value = bpf_map_lookup_elem(&syscall_errors, &key);

	if (!value) {
		if (group != GROUP_OTHER) {
			bpf_map_update_elem(&syscall_errors, &key, &zero, BPF_NOEXIST);
			value = bpf_map_lookup_elem(&syscall_errors, &key);
		}
		if (!value) {
			u32 slot = error;

			value = bpf_map_lookup_elem(&other_errors, &slot);
			if (group != GROUP_OTHER)
				note(LEDGER_ERRORS_FULL);
		}
	}
	if (value)
		value->count++;
}

static __noinline struct hist *keyed_latency(group_t group, syscall_t syscall)
{
	static const struct hist zero;
	struct syscall_key key = {.group = latency_by_group ? group : 0, .syscall = syscall};
	struct hist *hist = bpf_map_lookup_elem(&keyed_latencies, &key);
	u32 first = 0;

	if (hist)
		return hist;
	bpf_map_update_elem(&keyed_latencies, &key, &zero, BPF_NOEXIST);
	hist = bpf_map_lookup_elem(&keyed_latencies, &key);
	if (hist)
		return hist;
	note(LEDGER_LATENCIES_FULL);
	return bpf_map_lookup_elem(&other_latencies, &first);
}

static __always_inline void add_latency(group_t group, syscall_t syscall, u64 ns)
{
	u32 slot = syscall;
	struct hist *hist = latency_by_group || slot >= LATENCY_SLOTS
				    ? keyed_latency(group, syscall)
				    : bpf_map_lookup_elem(&latencies, &slot);

	if (hist)
		hist_add_sampled(hist, ns);
}

/* The state of the current task, with the group it belongs to at this moment. */
static __always_inline struct task_state *current_state(struct task_struct *current)
{
	struct task_state *state = get_state(current, true);

	if (!state)
		return state;
	refresh(state, current);
	return state;
}

/* Of the current task: the address without a type, which may be calculated with. Tasks lie some KiB apart. */
static __always_inline u64 *chosen_calls_of_current(void)
{
	u32 slot = (bpf_get_current_task() >> 6) % CHOSEN_SLOTS;

	return bpf_map_lookup_elem(&chosen_calls, &slot);
}

static __always_inline int on_enter(s32 nr)
{
	struct task_struct *current = get_current();
	struct task_state *state;

	/* Before all that costs. One that is made again and was timed still is. */
	if (!is_sampled())
		return 0;
	state = get_state(current, false);
	/* A task without state gets one as its first call ends; that call has no latency. */
	if (!state)
		return 0;
	/* A call that is made again goes on: it began when it began, and it was sampled or not. */
	if (state->pending) {
		syscall_t syscall = to_syscall(current, nr);

		if ((state->syscall_start || sample_shift) &&
		    (state->pending == syscall + 1 || is_restart(syscall)))
			return 0;
	}
	if (sample_shift) {
		u64 *chosen = chosen_calls_of_current();

		if (!chosen)
			return 0;
		__sync_fetch_and_add(chosen, 1);
	}
	state->syscall_start = bpf_ktime_get_ns();
	return 0;
}

/* A call without a task state: nothing is known of the task, but the call is not lost. */
static __noinline int count_stateless(syscall_t syscall, s64 result)
{
	if (!result && is_fork(syscall)) {
		note(LEDGER_CHILD_RETURN);
		return 0;
	}
	note(LEDGER_NO_STATE);
	count(GROUP_OTHER, syscall);
	if (result < 0 && result >= -MAX_ERRNO)
		count_error(GROUP_OTHER, syscall, -result);
	return 0;
}

static __always_inline bool is_error(s64 result)
{
	return (u64)result >= (u64)-MAX_ERRNO;
}

static __always_inline bool is_restart_result(s64 result)
{
	return result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK && result != -ENOIOCTLCMD;
}

/* The rare ends of a call: which one is to be counted now, NO_SYSCALL for none. */
static __noinline syscall_t rare_end(struct task_state *state, syscall_t syscall, s64 result)
{
	u32 fresh = state->fresh;

	state->fresh = 0;
	if (fresh == FRESH_NEW || (fresh == FRESH_UNSEEN && !result && is_fork(syscall))) {
		state->syscall_start = 0;
		note(LEDGER_CHILD_RETURN);
		return NO_SYSCALL;
	}
#if !defined(__TARGET_ARCH_x86)
	if (fresh == FRESH_EXEC)
		syscall = to_exec(syscall);
#endif
	if (state->pending && is_restart(syscall))
		syscall = state->pending - 1;
	state->pending = 0;
	if (!is_restart_result(result))
		return syscall;
	note(LEDGER_RESTARTED);
	if (!with_restarts) {
		state->syscall_start = 0;
		return NO_SYSCALL;
	}
	state->pending = syscall + 1;
	state->pending_kind = -result;
	note_change();
	return NO_SYSCALL;
}

/* Of a task that is left out nothing is kept that its calls could meet once it no longer is. */
static __always_inline void forget_calls(struct task_state *state)
{
	state->fresh = 0;
	state->pending = 0;
	state->syscall_start = 0;
}

static __always_inline int count_end(group_t group, syscall_t syscall, s64 result)
{
	if (group == GROUP_EXCLUDED) {
		note(LEDGER_EXCLUDED);
		return 0;
	}
	count(group, syscall);
	if (is_error(result))
		count_error(group, syscall, -result);
	return 0;
}

/* What the call took, if it was timed. */
static __always_inline void end_timing(struct task_state *state, syscall_t syscall, s32 nr)
{
	u64 start = state->syscall_start;

	if (!start)
		return;
	state->syscall_start = 0;
	if (nr != -1)
		add_latency(state->group, syscall, bpf_ktime_get_ns() - start);
}

/*
 * Without latency, and where few calls are timed, most need only the group, and a task makes many in a row. A CPU's memory of its
 * last task holds as long as no task has changed and none of its calls was chosen; a call that asks to be made again takes the long
 * way, and so does the task until it is over.
 */
static __always_inline int on_exit_remembered(s32 nr, s64 result)
{
	struct task_struct *current = get_current();
	syscall_t syscall = to_syscall(current, nr);
	struct node *shared = get_node();
	u64 changes, chosen = 0, *slot;
	struct task_state *state;
	struct last_task *last;
	u32 first = 0;

	last = bpf_map_lookup_elem(&last_tasks, &first);
	if (!last || !shared)
		return 0;
	if (with_latency) {
		slot = chosen_calls_of_current();
		if (!slot)
			return 0;
		chosen = *(volatile u64 *)slot;
	}
	if (nr == -1)
		result = 0;
	changes = *(volatile u64 *)&shared->changes;
	if (last->task == (u64)current && last->changes == changes && last->chosen == chosen &&
	    last->css_set == css_set_of(current) &&
	    (!user_ranges || last->user == user_of_current(current)) && !is_restart_result(result))
		return count_end(last->group, syscall, result);

	state = current_state(current);
	if (!state)
		return count_stateless(syscall, result);
	if (state->group == GROUP_EXCLUDED) {
		forget_calls(state);
	} else if (state->fresh || state->pending || is_restart_result(result)) {
		syscall = rare_end(state, syscall, result);
		if (syscall == NO_SYSCALL)
			return 0;
	}
	if (with_latency && state->group != GROUP_EXCLUDED)
		end_timing(state, syscall, nr);
	last->task = (u64)current;
	last->css_set = state->css_set;
	last->changes = changes;
	last->chosen = chosen;
	last->group = state->group;
	last->user = state->user;
	return count_end(state->group, syscall, result);
}

static __always_inline int on_exit(s32 nr, s64 result)
{
	struct task_struct *current;
	struct task_state *state;
	syscall_t syscall;
	bool failed;

	if (!with_command && (!with_latency || sample_shift))
		return on_exit_remembered(nr, result);
	current = get_current();
	state = current_state(current);
	syscall = to_syscall(current, nr);
	if (nr == -1)
		result = 0;
	if (!state)
		return count_stateless(syscall, result);
	if (state->group == GROUP_EXCLUDED) {
		forget_calls(state);
		note(LEDGER_EXCLUDED);
		return 0;
	}
	failed = is_error(result);
	if (state->fresh || state->pending || (failed && is_restart_result(result))) {
		syscall = rare_end(state, syscall, result);
		if (syscall == NO_SYSCALL)
			return 0;
	}
	count(state->group, syscall);
	if (failed)
		count_error(state->group, syscall, -result);
	if (with_latency)
		end_timing(state, syscall, nr);
	return 0;
}

/*
 * A signal's handler is about to run after a call that asked to be made again: the same decision as the kernel's own in
 * handle_signal(), which follows.
 */
static __always_inline int on_signal(u64 handler, u64 flags)
{
	struct task_struct *current = get_current();
	struct task_state *state = get_state(current, false);
	syscall_t syscall;
	u32 kind;

	if (!state || !state->pending || state->group == GROUP_EXCLUDED)
		return 0;
	if (handler <= SIG_IGN_HANDLER)
		return 0;
	syscall = state->pending - 1;
	kind = state->pending_kind;
	state->pending = 0;
	if (kind == ERESTARTNOINTR || (kind == ERESTARTSYS && (flags & SA_RESTART))) {
		state->syscall_start = 0;
		return 0;
	}
	count(state->group, syscall);
	count_error(state->group, syscall, EINTR);
	if (with_latency && state->syscall_start)
		add_latency(state->group, syscall, bpf_ktime_get_ns() - state->syscall_start);
	state->syscall_start = 0;
	return 0;
}

static __always_inline s32 last_nr(struct task_struct *current)
{
	if (has_helper(task_pt_regs) && has_helper(get_current_task_btf))
		return ((struct pt_regs *)bpf_task_pt_regs(current))->nr_field;

	void *stack = BPF_CORE_READ(current, stack);

	struct pt_regs *regs = stack + THREAD_SIZE - bpf_core_type_size(struct pt_regs);

	return BPF_CORE_READ(regs, nr_field);
}

/* exit and exit_group do not return, and a call that waits to be made again dies with its task. */
static __always_inline int on_process_exit(void)
{
	struct task_struct *current = get_current();
	struct task_state *state = current_state(current);
	syscall_t syscall = to_syscall(current, last_nr(current));

	if (!state) {
		if (is_exit(syscall))
			count_stateless(syscall, 0);
		return 0;
	}
	if (state->group == GROUP_EXCLUDED)
		return 0;
	if (state->pending)
		count(state->group, state->pending - 1);
	state->pending = 0;
	if (is_exit(syscall))
		count(state->group, syscall);
	else
		note(LEDGER_NO_CALL_EXIT);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter_btf, struct pt_regs *regs, long nr)
{
	return on_enter(nr);
}

SEC("raw_tp/sys_enter")
int BPF_PROG(sys_enter_raw, struct pt_regs *regs, long nr)
{
	return on_enter(nr);
}

SEC("tracepoint/raw_syscalls/sys_enter")
int sys_enter_tp(struct sys_enter_record *record)
{
	return on_enter(record->nr);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit_btf, struct pt_regs *regs, long result)
{
	return on_exit(regs->nr_field, result);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit_raw, struct pt_regs *regs, long result)
{
	return on_exit(BPF_CORE_READ(regs, nr_field), result);
}

SEC("tracepoint/raw_syscalls/sys_exit")
int sys_exit_tp(struct sys_exit_record *record)
{
	return on_exit(record->nr, record->result);
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(signal_deliver_btf, int signal, void *info, struct k_sigaction *action)
{
	return on_signal((u64)BPF_CORE_READ(action, sa.sa_handler),
			 BPF_CORE_READ(action, sa.sa_flags));
}

SEC("raw_tp/signal_deliver")
int BPF_PROG(signal_deliver_raw, int signal, void *info, struct k_sigaction *action)
{
	return on_signal((u64)BPF_CORE_READ(action, sa.sa_handler),
			 BPF_CORE_READ(action, sa.sa_flags));
}

SEC("tracepoint/signal/signal_deliver")
int signal_deliver_tp(struct signal_deliver_record *record)
{
	return on_signal(record->handler, record->flags);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit_btf)
{
	return on_process_exit();
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(process_exit_raw)
{
	return on_process_exit();
}

SEC("tracepoint/sched/sched_process_exit")
int process_exit_tp(void *ctx)
{
	return on_process_exit();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
