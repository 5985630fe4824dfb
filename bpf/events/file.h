/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files below watched directories that are opened, renamed, removed or given another mode. An open file tells its own path; else
 * it is the one that the call named, with that of the directory before it where it is relative. What passes here may be too
 * much: user space compares whole paths.
 */
#ifndef BPFLOW_EVENTS_FILE_H
#define BPFLOW_EVENTS_FILE_H

#include "../include/event-stack.h"

#define AT_FDCWD    -100
#define PATH_LEVELS 24
#define NAME_LENGTH 256

#if defined(__TARGET_ARCH_x86)
#define NR_OPEN	     2
#define NR_RENAME    82
#define NR_RMDIR     84
#define NR_CREAT     85
#define NR_UNLINK    87
#define NR_CHMOD     90
#define NR_FCHMOD    91
#define NR_OPENAT    257
#define NR_UNLINKAT  263
#define NR_RENAMEAT  264
#define NR_FCHMODAT  268
#define NR_RENAMEAT2 316
#define CREAT_FLAGS  01101 /* O_CREAT | O_WRONLY | O_TRUNC */
#else
#define NR_UNLINKAT  35
#define NR_RENAMEAT  38
#define NR_FCHMOD    52
#define NR_FCHMODAT  53
#define NR_OPENAT    56
#define NR_RENAMEAT2 276
#endif
#define NR_OPENAT2   437
#define NR_FCHMODAT2 452

#define FILE_DATA_LENGTH (2 * (EVENT_BASE_LENGTH + EVENT_PATH_LENGTH))

struct file_record {
	struct event_header header;
	struct file_body body;
	char data[FILE_DATA_LENGTH];
};

/*
 * A record in the making: too long for the stack. What changes on the way up is here, too, where the verifier does not follow
 * each value that it may have.
 */
struct file_scratch {
	u32 at; /* bytes of data that are written */
	u32 watched;
	struct file_record record;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct file_scratch);
} file_scratch SEC(".maps");

#define WATCHED 1
#define ABOVE	2 /* what is watched is below */

/* Inode numbers of directories: WATCHED or ABOVE. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	/* 64 paths of at most 255 bytes, each with all that is above. */
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, u32);
} watched_inodes SEC(".maps");

struct path_prefix {
	u32 bits;
	char text[EVENT_PREFIX_LENGTH];
};

/* Beginnings of absolute paths that are watched. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 256);
	__type(key, struct path_prefix);
	__type(value, u32);
} watched_prefixes SEC(".maps");

/* One path of a call. */
struct named_path {
	u64 path; /* in the process; 0: the descriptor itself */
	int directory;
	u32 reserved;
};

struct file_call {
	u32 kind;
	u32 detail;
	struct named_path from;
	struct named_path to; /* of a rename */
};

static __always_inline void name(struct named_path *named, int directory, u64 path)
{
	named->directory = directory;
	named->path = path;
}

/* False for a call that is none of these. */
static __always_inline bool describe_call(u32 nr, u64 *args, long result, struct file_call *call)
{
	switch (nr) {
#if defined(__TARGET_ARCH_x86)
	case NR_OPEN:
	case NR_CREAT:
		call->kind = EVENT_FILE_OPEN;
		call->detail = nr == NR_OPEN ? args[1] : CREAT_FLAGS;
		name(&call->from, result, 0);
		return true;
	case NR_RENAME:
		call->kind = EVENT_FILE_RENAME;
		name(&call->from, AT_FDCWD, args[0]);
		name(&call->to, AT_FDCWD, args[1]);
		return true;
	case NR_RMDIR:
	case NR_UNLINK:
		call->kind = EVENT_FILE_UNLINK;
		name(&call->from, AT_FDCWD, args[0]);
		return true;
	case NR_CHMOD:
		call->kind = EVENT_FILE_CHMOD;
		call->detail = args[1];
		name(&call->from, AT_FDCWD, args[0]);
		return true;
#endif
	case NR_OPENAT:
	case NR_OPENAT2:
		call->kind = EVENT_FILE_OPEN;
		call->detail = args[2];
		if (nr == NR_OPENAT2 &&
		    bpf_probe_read_user(&call->detail, sizeof(call->detail), (void *)args[2]))
			call->detail = 0;
		name(&call->from, result, 0);
		return true;
	case NR_UNLINKAT:
		call->kind = EVENT_FILE_UNLINK;
		name(&call->from, args[0], args[1]);
		return true;
	case NR_RENAMEAT:
	case NR_RENAMEAT2:
		call->kind = EVENT_FILE_RENAME;
		name(&call->from, args[0], args[1]);
		name(&call->to, args[2], args[3]);
		return true;
	case NR_FCHMOD:
		call->kind = EVENT_FILE_CHMOD;
		call->detail = args[1];
		name(&call->from, args[0], 0);
		return true;
	case NR_FCHMODAT:
	case NR_FCHMODAT2:
		call->kind = EVENT_FILE_CHMOD;
		call->detail = args[2];
		name(&call->from, args[0], args[1]);
		return true;
	}
	return false;
}

static __always_inline struct path *directory_of(struct task_struct *task, int directory)
{
	struct file *file = NULL, **table;

	if (directory == AT_FDCWD) {
		struct fs_struct *fs = BPF_CORE_READ(task, fs);

		return __builtin_preserve_access_index(&fs->pwd);
	}
	if (directory < 0 || (u32)directory >= BPF_CORE_READ(task, files, fdt, max_fds))
		return NULL;
	table = BPF_CORE_READ(task, files, fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), table + directory);
	return file ? __builtin_preserve_access_index(&file->f_path) : NULL;
}

/* Writes the names from a directory up to the root, each with its zero, as long as they are not too long. */
static __noinline int walk_up(struct path *path, struct file_scratch *scratch, u32 limit)
{
	struct vfsmount *vfsmount = BPF_CORE_READ(path, mnt);
	struct dentry *dentry = BPF_CORE_READ(path, dentry);
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);

	if (!scratch)
		return 0;
	for (int i = 0; i < PATH_LEVELS; i++) {
		struct dentry *root = BPF_CORE_READ(mount, mnt.mnt_root);
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		u64 inode = BPF_CORE_READ(dentry, d_inode, i_ino);
		u32 at = scratch->at, *found;
		long length;

		found = bpf_map_lookup_elem(&watched_inodes, &inode);
		/* From the first one a relative path may lead down. */
		if (found && (*found == WATCHED || !i))
			scratch->watched = 1;
		if (dentry == root || dentry == parent) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			continue;
		}
		if (at > limit - NAME_LENGTH)
			break;
		length = bpf_probe_read_kernel_str(scratch->record.data + at, NAME_LENGTH,
						   BPF_CORE_READ(dentry, d_name.name));
		if (length > 0)
			scratch->at = at + length;
		dentry = parent;
	}
	return 0;
}

/* Writes one path of the call; its directory's names end before `limit`. */
static __always_inline bool write_path(struct task_struct *task, struct named_path *named,
				       struct file_scratch *scratch, u32 limit, u32 *base_length,
				       u32 *path_length)
{
	struct path_prefix prefix = {.bits = EVENT_PREFIX_LENGTH * 8};
	u32 begin = scratch->at, at;
	struct path *directory;
	char begins[2] = {};
	long length;

	if (named->path)
		bpf_probe_read_user(begins, sizeof(begins), (void *)named->path);
	if (begins[0] != '/') {
		directory = directory_of(task, named->directory);
		if (!directory)
			return false;
		walk_up(directory, scratch, limit);
		if (begins[0] == '.' && begins[1] == '.')
			scratch->watched = 1;
	} else {
		bpf_probe_read_user_str(prefix.text, sizeof(prefix.text), (void *)named->path);
		if (bpf_map_lookup_elem(&watched_prefixes, &prefix))
			scratch->watched = 1;
	}
	at = scratch->at;
	*base_length = at - begin;
	*path_length = 0;
	if (!named->path)
		return true;
	if (at > limit)
		return false;
	length = bpf_probe_read_user_str(scratch->record.data + at, EVENT_PATH_LENGTH,
					 (void *)named->path);
	if (length <= 0)
		return false;
	*path_length = length;
	scratch->at = at + length;
	return true;
}

#define FIRST_LIMIT  EVENT_BASE_LENGTH
#define SECOND_LIMIT (2 * EVENT_BASE_LENGTH + EVENT_PATH_LENGTH)

static __always_inline int on_call(void *ctx, u32 nr, struct pt_regs *regs, long result)
{
	struct task_struct *task = get_current();
	struct file_scratch *scratch;
	struct file_call call = {};
	struct file_record *event;
	struct event_count *count;
	u32 first = 0, size;
	u64 args[4];
	group_t group;
	ns_t now;

	if (result < 0 || is_compat(task))
		return 0;
	read_arguments(regs, args);
	if (!describe_call(nr, args, result, &call))
		return 0;
	scratch = bpf_map_lookup_elem(&file_scratch, &first);
	if (!scratch)
		return 0;
	scratch->at = 0;
	scratch->watched = 0;
	event = &scratch->record;
	event->body.target_base_length = 0;
	event->body.target_path_length = 0;
	if (!write_path(task, &call.from, scratch, FIRST_LIMIT, &event->body.base_length,
			&event->body.path_length))
		return 0;
	if (call.kind == EVENT_FILE_RENAME &&
	    !write_path(task, &call.to, scratch, SECOND_LIMIT, &event->body.target_base_length,
			&event->body.target_path_length))
		return 0;
	if (!scratch->watched)
		return 0;
	group = group_of_current();
	count = offer(call.kind, group, offsetof(struct file_record, data));
	if (!count)
		return 0;
	now = bpf_ktime_get_ns();
	tell_stack(ctx, call.kind, BPF_CORE_READ(task, pid), group, now);
	describe_event(&event->header, call.kind, now);
	describe_owner(&event->header, task, group);
	event->body.detail = call.detail;
	event->body.reserved = 0;
	size = scratch->at;
	if (size > FILE_DATA_LENGTH)
		return 0;
	size += offsetof(struct file_record, data);
	write_event(ctx, count, event, size);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(event_file_btf, struct pt_regs *regs, long result)
{
	return on_call(ctx, BPF_CORE_READ(regs, nr_field), regs, result);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(event_file_raw, struct pt_regs *regs, long result)
{
	return on_call(ctx, BPF_CORE_READ(regs, nr_field), regs, result);
}

SEC("tracepoint/raw_syscalls/sys_exit")
int event_file_tp(struct sys_exit_record *record)
{
	return on_call(record, record->nr, (struct pt_regs *)bpf_task_pt_regs(get_current()),
		       record->result);
}

#endif
