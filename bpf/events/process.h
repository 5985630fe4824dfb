/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The life of processes: fork, exec, exit, signals, and the end for want of memory. */
#ifndef BPFLOW_EVENTS_PROCESS_H
#define BPFLOW_EVENTS_PROCESS_H

#include "../include/event-stack.h"

/* Bytes of arguments at most; 0: none. */
const volatile u32 arguments_length = EVENT_ARGUMENTS_LENGTH;

#define SIGNAL_GROUP_EXIT 4
#define SIGCHLD		  17

/* enum of include/trace/events/signal.h */
#define TRACE_SIGNAL_DELIVERED 0
#define TRACE_SIGNAL_LOSE_INFO 4

#define SI_USER	  0
#define SI_QUEUE  -1
#define SI_TKILL  -6
#define SI_KERNEL 128

struct exec_record {
	struct event_header header;
	struct exec_body body;
	char data[EVENT_PATH_LENGTH + EVENT_ARGUMENTS_LENGTH];
};

/* An exec in the making: too long for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct exec_record);
} exec_scratch SEC(".maps");

struct process_identity {
	u64 signal; /* address of what the threads of a process share */
	u64 start_time;
};

/* Processes that have ended of late: threads that end at the same time both see that nobody is left. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct process_identity);
	__type(value, u32);
} ended SEC(".maps");

static __always_inline int on_fork(void *ctx, struct task_struct *child)
{
	int pid = BPF_CORE_READ(child, pid);
	struct event_header scratch, *event;
	struct event_count *count;
	group_t group;
	ns_t now;

	if (pid != BPF_CORE_READ(child, tgid) || BPF_CORE_READ(child, flags) & PF_KTHREAD)
		return 0;
	group = group_of(child);
	count = offer(EVENT_FORK, group, sizeof(*event));
	if (!count)
		return 0;
	now = bpf_ktime_get_ns();
	tell_stack(ctx, EVENT_FORK, pid, group, now);
	event = reserve_event(&scratch, sizeof(*event));
	if (!event) {
		count->full++;
		return 0;
	}
	describe_event(event, EVENT_FORK, now);
	describe_owner(event, child, group);
	submit_event(ctx, count, event, sizeof(*event));
	return 0;
}

static __always_inline int on_exec(void *ctx, struct task_struct *task, u32 old_tid,
				   const char *filename)
{
	u32 first = 0, size, length = 0, total;
	group_t group = group_of_current();
	struct exec_record *event;
	struct event_count *count;
	unsigned long start;
	long path;
	ns_t now;

	count = offer(EVENT_EXEC, group, offsetof(struct exec_record, data));
	if (!count)
		return 0;
	now = bpf_ktime_get_ns();
	event = bpf_map_lookup_elem(&exec_scratch, &first);
	if (!event)
		return 0;
	tell_stack(ctx, EVENT_EXEC, BPF_CORE_READ(task, pid), group, now);
	describe_event(&event->header, EVENT_EXEC, now);
	describe_owner(&event->header, task, group);
	event->body.old_tid = old_tid;
	path = bpf_probe_read_kernel_str(event->data, EVENT_PATH_LENGTH, filename);
	size = path > 0 && path <= EVENT_PATH_LENGTH ? path : 0;
	event->body.path_length = size;
	start = BPF_CORE_READ(task, mm, arg_start);
	total = BPF_CORE_READ(task, mm, arg_end) - start;
	length = total < arguments_length ? total : arguments_length;
	if (length > EVENT_ARGUMENTS_LENGTH)
		length = EVENT_ARGUMENTS_LENGTH;
	if (size > EVENT_PATH_LENGTH)
		return 0;
	if (length && bpf_probe_read_user(event->data + size, length, (void *)start))
		length = 0;
	event->body.arguments_length = length;
	event->body.arguments_total = total;
	size += length + offsetof(struct exec_record, data);
	if (size > sizeof(*event))
		return 0;
	write_event(ctx, count, event, size);
	return 0;
}

/* Of the threads that end together only one may tell. */
static __always_inline bool is_first_to_tell(struct task_struct *task)
{
	struct process_identity key = {
		.signal = (u64)BPF_CORE_READ(task, signal),
		.start_time = BPF_CORE_READ(task, group_leader, start_time),
	};
	u32 told = 1;

	return !bpf_map_update_elem(&ended, &key, &told, BPF_NOEXIST);
}

static __always_inline int on_exit(void *ctx, struct task_struct *task)
{
	struct {
		struct event_header header;
		struct exit_body body;
	} scratch, *event;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct event_count *count;
	ns_t now, started;
	group_t group;

	if (BPF_CORE_READ(task, signal, live.counter) || BPF_CORE_READ(task, flags) & PF_KTHREAD ||
	    !is_first_to_tell(task))
		return 0;
	group = group_of(task);
	count = offer(EVENT_EXIT, group, sizeof(*event));
	if (!count)
		return 0;
	now = bpf_ktime_get_ns();
	event = reserve_event(&scratch, sizeof(*event));
	if (!event) {
		count->full++;
		return 0;
	}
	describe_event(&event->header, EVENT_EXIT, now);
	describe_owner(&event->header, task, group);
	started = BPF_CORE_READ(leader, start_time);
	event->body.lifetime = now > started ? now - started : 0;
	event->body.run_time = BPF_CORE_READ(task, signal, sum_sched_runtime) +
			       BPF_CORE_READ(task, se.sum_exec_runtime);
	if (leader != task)
		event->body.run_time += BPF_CORE_READ(leader, se.sum_exec_runtime);
	event->body.status = BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT
				     ? BPF_CORE_READ(task, signal, group_exit_code)
				     : BPF_CORE_READ(leader, exit_code);
	event->body.reserved = 0;
	submit_event(ctx, count, event, sizeof(*event));
	return 0;
}

/* The queue of those who wait may be full: the process gets it without its siginfo then. */
static __always_inline bool was_delivered(int result)
{
	return result == TRACE_SIGNAL_DELIVERED || result == TRACE_SIGNAL_LOSE_INFO;
}

/* Whether a process sent it; else the kernel did, on whatever occasion. */
static __always_inline bool has_sender(u64 info, s32 code)
{
	return !info || code == SI_USER || code == SI_QUEUE || code == SI_TKILL;
}

static __always_inline void describe_sender(struct signal_body *body)
{
	struct task_struct *current = get_current();

	if (has_helper(get_current_task_btf)) {
		body->sender = current->tgid;
		body->sender_user = current->cred->euid.val;
		copy_typed_command(body->sender_command, current);
	} else {
		body->sender = BPF_CORE_READ(current, tgid);
		body->sender_user = BPF_CORE_READ(current, cred, euid.val);
		bpf_core_read_str(body->sender_command, sizeof(comm_t), &current->comm);
	}
}

/* `info` is no address when it is 0 (from a process) or 1 (from the kernel). */
static __always_inline int on_signal(void *ctx, u32 signal, struct kernel_siginfo *info,
				     struct task_struct *task, int result, bool typed)
{
	struct {
		struct event_header header;
		struct signal_body body;
	} scratch, *event;
	struct event_count *count;
	group_t group;
	ns_t now;
	s32 code;

	if (!was_delivered(result) || signal == SIGCHLD ||
	    (typed ? task->flags : BPF_CORE_READ(task, flags)) & PF_KTHREAD)
		return 0;
	group = group_of(task);
	count = offer(EVENT_SIGNAL, group, sizeof(*event));
	if (!count)
		return 0;
	now = bpf_ktime_get_ns();
	tell_stack(ctx, EVENT_SIGNAL, BPF_CORE_READ(task, pid), group, now);
	event = reserve_event(&scratch, sizeof(*event));
	if (!event) {
		count->full++;
		return 0;
	}
	describe_event(&event->header, EVENT_SIGNAL, now);
	if (typed)
		describe_typed_owner(&event->header, task, group);
	else
		describe_owner(&event->header, task, group);
	code = !info ? SI_USER : (u64)info == 1 ? SI_KERNEL : BPF_CORE_READ(info, si_code);
	event->body.signal = signal;
	event->body.code = code;
	__builtin_memset(&event->body.sender, 0,
			 sizeof(event->body) - offsetof(struct signal_body, sender));
	if (has_sender((u64)info, code))
		describe_sender(&event->body);
	submit_event(ctx, count, event, sizeof(*event));
	return 0;
}

static __always_inline int on_victim(void *ctx, struct task_struct *victim)
{
	struct {
		struct event_header header;
		struct oom_body body;
	} scratch, *event;
	group_t group = group_of(victim);
	struct event_count *count;
	struct mm_struct *mm;
	ns_t now;

	count = offer(EVENT_OOM_KILL, group, sizeof(*event));
	if (!count)
		return 0;
	now = bpf_ktime_get_ns();
	tell_stack(ctx, EVENT_OOM_KILL, BPF_CORE_READ(victim, pid), group, now);
	event = reserve_event(&scratch, sizeof(*event));
	if (!event) {
		count->full++;
		return 0;
	}
	describe_event(&event->header, EVENT_OOM_KILL, now);
	describe_owner(&event->header, victim, group);
	mm = BPF_CORE_READ(victim, mm);
	event->body.pages = mm ? get_resident_pages(mm) : 0;
	submit_event(ctx, count, event, sizeof(*event));
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(event_fork_btf, struct task_struct *parent, struct task_struct *child)
{
	return on_fork(ctx, child);
}

SEC("raw_tp/sched_process_fork")
int BPF_PROG(event_fork_raw, struct task_struct *parent, struct task_struct *child)
{
	return on_fork(ctx, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(event_exec_btf, struct task_struct *task, int old_tid, struct linux_binprm *program)
{
	return on_exec(ctx, task, old_tid, BPF_CORE_READ(program, filename));
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(event_exec_raw, struct task_struct *task, int old_tid, struct linux_binprm *program)
{
	return on_exec(ctx, task, old_tid, BPF_CORE_READ(program, filename));
}

SEC("tracepoint/sched/sched_process_exec")
int event_exec_tp(struct process_exec_record *record)
{
	return on_exec(record, get_current(), record->old_tid,
		       (void *)record + (record->filename & 0xffff));
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(event_exit_btf, struct task_struct *task)
{
	return on_exit(ctx, task);
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(event_exit_raw, struct task_struct *task)
{
	return on_exit(ctx, task);
}

SEC("tracepoint/sched/sched_process_exit")
int event_exit_tp(void *ctx)
{
	return on_exit(ctx, get_current());
}

SEC("tp_btf/signal_generate")
int BPF_PROG(event_signal_btf, int signal, struct kernel_siginfo *info, struct task_struct *task,
	     int group, int result)
{
	return on_signal(ctx, signal, info, task, result, true);
}

SEC("raw_tp/signal_generate")
int BPF_PROG(event_signal_raw, int signal, struct kernel_siginfo *info, struct task_struct *task,
	     int group, int result)
{
	return on_signal(ctx, signal, info, task, result, false);
}

/* 6.9, "mm: update mark_victim tracepoints fields": the victim; before, its process id alone. */
SEC("tp_btf/mark_victim")
int BPF_PROG(event_oom_btf, struct task_struct *victim)
{
	return on_victim(ctx, victim);
}

/* Where only the id is known, the task that ran out of memory itself can be told. */
SEC("raw_tp/mark_victim")
int BPF_PROG(event_oom_raw, u64 victim)
{
	struct task_struct *current = get_current();

	if (victim >> 32 && !use_task_storage)
		return on_victim(ctx, (struct task_struct *)victim);
	if ((u32)victim == (u32)BPF_CORE_READ(current, pid))
		return on_victim(ctx, current);
	return 0;
}

#endif
