/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls that work on files: how many opens, which failed, how long calls on regular files take, and on request their bytes.
 *
 *   enter ──▶ a call on a file descriptor: is it a regular file? then its start time into the task's state
 *   exit  ──▶ opens and errors; latency and bytes of what was started
 */
#include "include/maps.h"
#include "include/sampling.h"
#include "fileio.h"

/* Whether bytes of regular files are counted. */
const volatile bool with_regular_files = false;
/* Whether opens are counted and calls timed. */
const volatile bool with_operations = true;
/* Whether the histogram is kept for each group. */
const volatile bool file_latency_by_group = false;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct file_key);
	__type(value, struct file_value);
} files SEC(".maps");

/* What finds no room in `files`. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct file_value);
} other_files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct file_error_key);
	__type(value, struct file_error_value);
} file_errors SEC(".maps");

/* What finds no room in `file_errors`, by error number. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MAX_ERRNO + 1);
	__type(key, u32);
	__type(value, struct file_error_value);
} other_file_errors SEC(".maps");

/* By operation: all calls, or with file_latency_by_group those that find no room in `file_latencies`. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, FILE_OPERATIONS);
	__type(key, u32);
	__type(value, struct hist);
} all_file_latencies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct file_latency_key);
	__type(value, struct hist);
} file_latencies SEC(".maps");

/* In place of the time at which a call began: it is on a regular file, but not timed. */
#define FILE_UNTIMED 1

/* Operations by the number of the call: native, and by the 32-bit way in. */
#define CALLS 512
static const u8 native_operations[CALLS] = {
#if defined(__TARGET_ARCH_x86)
	[0] = FILE_READ, /* read */
	[17] = FILE_READ, /* pread64 */
	[19] = FILE_READ, /* readv */
	[295] = FILE_READ, /* preadv */
	[327] = FILE_READ, /* preadv2 */
	[1] = FILE_WRITE, /* write */
	[18] = FILE_WRITE, /* pwrite64 */
	[20] = FILE_WRITE, /* writev */
	[296] = FILE_WRITE, /* pwritev */
	[328] = FILE_WRITE, /* pwritev2 */
	[74] = FILE_SYNC, /* fsync */
	[75] = FILE_SYNC, /* fdatasync */
	[277] = FILE_SYNC, /* sync_file_range */
	[2] = FILE_OPEN, /* open */
	[85] = FILE_OPEN, /* creat */
	[257] = FILE_OPEN, /* openat */
	[304] = FILE_OPEN, /* open_by_handle_at */
	[437] = FILE_OPEN, /* openat2 */
	[40] = FILE_SEND, /* sendfile */
	[326] = FILE_COPY, /* copy_file_range */
#else
	[63] = FILE_READ, /* read */
	[67] = FILE_READ, /* pread64 */
	[65] = FILE_READ, /* readv */
	[69] = FILE_READ, /* preadv */
	[286] = FILE_READ, /* preadv2 */
	[64] = FILE_WRITE, /* write */
	[68] = FILE_WRITE, /* pwrite64 */
	[66] = FILE_WRITE, /* writev */
	[70] = FILE_WRITE, /* pwritev */
	[287] = FILE_WRITE, /* pwritev2 */
	[82] = FILE_SYNC, /* fsync */
	[83] = FILE_SYNC, /* fdatasync */
	[84] = FILE_SYNC, /* sync_file_range */
	[56] = FILE_OPEN, /* openat */
	[265] = FILE_OPEN, /* open_by_handle_at */
	[437] = FILE_OPEN, /* openat2 */
	[71] = FILE_SEND, /* sendfile */
	[285] = FILE_COPY, /* copy_file_range */
#endif
};

static const u8 compat_operations[CALLS] = {
	[3] = FILE_READ, /* read */
	[180] = FILE_READ, /* pread64 */
	[145] = FILE_READ, /* readv */
	[4] = FILE_WRITE, /* write */
	[181] = FILE_WRITE, /* pwrite64 */
	[146] = FILE_WRITE, /* writev */
	[118] = FILE_SYNC, /* fsync */
	[148] = FILE_SYNC, /* fdatasync */
	[5] = FILE_OPEN, /* open */
	[8] = FILE_OPEN, /* creat */
	[437] = FILE_OPEN, /* openat2 */
	[187] = FILE_SEND, /* sendfile */
	[239] = FILE_SEND, /* sendfile64 */
#if defined(__TARGET_ARCH_x86)
	[333] = FILE_READ, /* preadv */
	[378] = FILE_READ, /* preadv2 */
	[334] = FILE_WRITE, /* pwritev */
	[379] = FILE_WRITE, /* pwritev2 */
	[314] = FILE_SYNC, /* sync_file_range */
	[295] = FILE_OPEN, /* openat */
	[342] = FILE_OPEN, /* open_by_handle_at */
	[377] = FILE_COPY, /* copy_file_range */
#else
	[361] = FILE_READ, /* preadv */
	[392] = FILE_READ, /* preadv2 */
	[362] = FILE_WRITE, /* pwritev */
	[393] = FILE_WRITE, /* pwritev2 */
	[341] = FILE_SYNC, /* sync_file_range2 */
	[322] = FILE_OPEN, /* openat */
	[371] = FILE_OPEN, /* open_by_handle_at */
	[391] = FILE_COPY, /* copy_file_range */
#endif
};

static __always_inline u32 operation_of(struct task_struct *current, u32 nr, bool *by_compat)
{
	u32 native, compat;

	if (nr >= CALLS)
		return FILE_NONE;
	/* The verifier forgets the bound over the copy. */
	asm volatile("" : "+r"(nr));
	nr &= CALLS - 1;
	native = native_operations[nr];
	compat = compat_operations[nr];
	/* Most calls are in neither table. */
	if (!(native | compat))
		return FILE_NONE;
	*by_compat = is_compat(current);
	return *by_compat ? compat : native;
}

/* Whether the descriptor is open on a regular file at this moment. */
static __always_inline bool is_regular(struct task_struct *current, u32 fd)
{
	struct file **table, *file = NULL;
	struct fdtable *fdt;
	u32 size;

	if (has_helper(get_current_task_btf)) {
		fdt = current->files->fdt;
		size = fdt->max_fds;
		table = fdt->fd;
	} else {
		fdt = BPF_CORE_READ(current, files, fdt);
		size = BPF_CORE_READ(fdt, max_fds);
		table = BPF_CORE_READ(fdt, fd);
	}
	if (fd >= size || bpf_probe_read_kernel(&file, sizeof(file), table + fd) || !file)
		return false;
	return (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFREG;
}

static __always_inline int on_enter(struct pt_regs *regs, u32 nr, bool typed)
{
	struct task_struct *current = get_current();
	bool compat = false;
	u32 operation = operation_of(current, nr, &compat), fd;
	struct task_state *state;
	bool sampled;

	if (operation == FILE_NONE)
		return 0;
	sampled = is_sampled();
	/* Only bytes of regular files need to know of every call. */
	if (!sampled && !with_regular_files)
		return 0;
	if (operation != FILE_OPEN) {
		bool second = operation == FILE_SEND;

		fd = compat ? compat_argument(regs, second) : argument(regs, second, typed);
		if (!is_regular(current, fd))
			return 0;
	}
	state = get_state(current, false);
	if (!state)
		return 0;
	state->file_start = sampled ? bpf_ktime_get_ns() : FILE_UNTIMED;
	return 0;
}

static __always_inline struct file_value *value_of(group_t group)
{
	static const struct file_value zero;
	struct file_key key = {.group = group};
	struct file_value *value;
	u32 first = 0;

	if (group != GROUP_OTHER) {
		value = bpf_map_lookup_elem(&files, &key);
		if (value)
			return value;
		bpf_map_update_elem(&files, &key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&files, &key);
		if (value)
			return value;
		note(LEDGER_FILES_FULL);
	}
	return bpf_map_lookup_elem(&other_files, &first);
}

static __noinline int count_error(group_t group, s32 error)
{
	static const struct file_error_value zero;
	struct file_error_key key = {.group = group, .error = error};
	struct file_error_value *value = bpf_map_lookup_elem(&file_errors, &key);
	u32 slot = error;

	if (!value && group != GROUP_OTHER) {
		bpf_map_update_elem(&file_errors, &key, &zero, BPF_NOEXIST);
		value = bpf_map_lookup_elem(&file_errors, &key);
		if (!value)
			note(LEDGER_FILES_FULL);
	}
	if (!value)
		value = bpf_map_lookup_elem(&other_file_errors, &slot);
	if (value)
		value->count++;
	return 0;
}

static __always_inline struct hist *hist_of(group_t group, u32 operation)
{
	static const struct hist zero;
	struct file_latency_key key = {.group = group, .operation = operation};
	struct hist *hist;

	if (file_latency_by_group && group != GROUP_OTHER) {
		hist = bpf_map_lookup_elem(&file_latencies, &key);
		if (hist)
			return hist;
		bpf_map_update_elem(&file_latencies, &key, &zero, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&file_latencies, &key);
		if (hist)
			return hist;
		note(LEDGER_FILES_FULL);
	}
	return bpf_map_lookup_elem(&all_file_latencies, &operation);
}

static __always_inline void count_bytes(struct file_value *value, u32 operation, s64 bytes)
{
	if (bytes <= 0)
		return;
	if (operation == FILE_READ || operation == FILE_SEND || operation == FILE_COPY)
		value->read += bytes;
	if (operation == FILE_WRITE || operation == FILE_COPY)
		value->written += bytes;
}

static __always_inline void count_open(struct file_value *value, group_t group, s64 result)
{
	/* Asked to be made again: not over yet. */
	if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK)
		return;
	value->opens++;
	if (result < 0 && result >= -MAX_ERRNO)
		count_error(group, -result);
}

static __always_inline int on_exit(u32 nr, s64 result)
{
	struct task_struct *current = get_current();
	bool compat = false;
	u32 operation = operation_of(current, nr, &compat);
	struct task_state *state;
	struct file_value *value;
	struct hist *hist;
	group_t group = GROUP_OTHER;
	u64 start = 0;

	if (operation == FILE_NONE)
		return 0;
	state = get_state(current, operation == FILE_OPEN);
	if (state) {
		start = state->file_start;
		state->file_start = 0;
	}
	/* Neither an open nor on a regular file. */
	if (!start && operation != FILE_OPEN)
		return 0;
	if (state) {
		refresh(state, current);
		group = state->group;
	}
	if (group == GROUP_EXCLUDED)
		return 0;
	if (with_regular_files || operation == FILE_OPEN) {
		value = value_of(group);
		if (!value)
			return 0;
		value->calls++;
		if (operation == FILE_OPEN)
			count_open(value, group, result);
		else
			count_bytes(value, operation, result);
	}
	if (!start || start == FILE_UNTIMED || !with_operations)
		return 0;
	hist = hist_of(group, operation);
	if (hist)
		hist_add_sampled(hist, bpf_ktime_get_ns() - start);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(file_enter_btf, struct pt_regs *regs, long nr)
{
	return on_enter(regs, nr, true);
}

SEC("raw_tp/sys_enter")
int BPF_PROG(file_enter_raw, struct pt_regs *regs, long nr)
{
	return on_enter(regs, nr, false);
}

SEC("tracepoint/raw_syscalls/sys_enter")
int file_enter_tp(struct sys_enter_record *record)
{
	return on_enter((struct pt_regs *)bpf_task_pt_regs(get_current()), record->nr, true);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(file_exit_btf, struct pt_regs *regs, long result)
{
	return on_exit(regs->nr_field, result);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(file_exit_raw, struct pt_regs *regs, long result)
{
	return on_exit(BPF_CORE_READ(regs, nr_field), result);
}

SEC("tracepoint/raw_syscalls/sys_exit")
int file_exit_tp(struct sys_exit_record *record)
{
	return on_exit(record->nr, record->result);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
