/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's types as far as these programs read them. Offsets come from the running kernel's BTF at load (CO-RE),
 * so order and completeness do not matter here; names and types do.
 */
#ifndef BPFLOW_KERNEL_H
#define BPFLOW_KERNEL_H

#include "types.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define PF_KTHREAD	0x00200000
#define TASK_RUNNING	0
#define TASK_DEAD	0x80
#define SIG_IGN_HANDLER 1
#define SA_RESTART	0x10000000
#define EINTR		4
#define ENOSPC		28

/* Results by which the kernel asks for a call to be made again (include/linux/errno.h). */
#define ERESTARTSYS	      512
#define ERESTARTNOINTR	      513
#define ERESTARTNOHAND	      514
#define ENOIOCTLCMD	      515
#define ERESTART_RESTARTBLOCK 516
#define MAX_ERRNO	      4095

/* Kinds of files (include/uapi/linux/stat.h). */
#define S_IFMT	 0170000
#define S_IFREG	 0100000
#define S_IFSOCK 0140000

/* Kinds of resident pages (include/linux/mm_types_task.h); 2 is swapped out. */
#define MM_FILEPAGES  0
#define MM_ANONPAGES  1
#define MM_SHMEMPAGES 3

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	u64 id;
	const char *name;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct qstr {
	const unsigned char *name;
};

struct inode {
	u16 i_mode;
	unsigned long i_ino;
};

struct dentry {
	struct qstr d_name;
	struct dentry *d_parent;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path pwd;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct;

struct percpu_counter {
	s64 count;
};

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start;
	unsigned long arg_end;
	struct percpu_counter rss_stat[4];
	struct task_struct *owner;
};

struct task_io_accounting {
	u64 rchar;
	u64 wchar;
};

typedef struct {
	int counter;
} atomic_t;

struct ns_common {
	unsigned int inum;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct time_namespace {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct user_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
};

typedef struct {
	u64 val;
} kernel_cap_t;

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t suid;
	kgid_t sgid;
	kuid_t euid;
	kgid_t egid;
	kuid_t fsuid;
	kgid_t fsgid;
	kernel_cap_t cap_permitted;
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns;
};

/* What the threads of a process share. */
struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
	unsigned long long sum_sched_runtime;
};

struct kernel_siginfo {
	int si_code;
};

struct linux_binprm {
	const char *filename;
};

struct sched_entity {
	u64 sum_exec_runtime;
};

struct thread_info {
	unsigned long flags;
	u32 status; /* x86 */
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	void *stack;
	unsigned int flags;
	int exit_state;
	unsigned int on_cpu;
	struct sched_entity se;
	struct mm_struct *mm;
	int pid;
	int tgid;
	int exit_code;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	u64 start_time;
	char comm[16];
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long min_flt;
	unsigned long maj_flt;
	struct task_io_accounting ioac;
	struct css_set *cgroups;
	struct fs_struct *fs;
	struct files_struct *files;
	const struct cred *real_cred;
	const struct cred *cred;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
};

struct gendisk {
	int major;
	int first_minor;
};

struct request_queue {
	struct gendisk *disk;
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
};

struct sigaction {
	void *sa_handler;
	unsigned long sa_flags;
};

struct k_sigaction {
	struct sigaction sa;
};

struct bpf_iter_meta {
	void *seq;
	u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long orig_ax;
	unsigned long bx;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long r10;
};
#else
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};
#endif

#pragma clang attribute pop

/* What trace events hand over: the record that perf would write. */
struct sys_enter_record {
	u64 common;
	long nr;
	unsigned long arguments[6];
};

struct sys_exit_record {
	u64 common;
	long nr;
	long result;
};

struct process_exec_record {
	u64 common;
	u32 filename; /* the lower half: where it lies in the record */
	int pid;
	int old_tid;
};

struct signal_deliver_record {
	u64 common;
	int signal;
	int error;
	int code;
	int reserved;
	unsigned long handler;
	unsigned long flags;
};

struct socket_state_record {
	u64 common;
	u64 socket; /* address */
	int from;
	int to;
};

struct page_alloc_record {
	u64 common;
	unsigned long frame; /* NO_FRAME: there was none */
	unsigned int order;
};

#define NO_FRAME (~0ul)

struct sock_length_record {
	u64 common;
	void *sk;
	u16 family;
	u16 protocol;
	int length;
	int flags;
};

/* Helpers that some kernels lack: probed in BTF, so that the other branch is dead code there. */
enum bpf_func_id___kernel {
	BPF_FUNC_jiffies64___kernel = 118,
	BPF_FUNC_get_current_task_btf___kernel = 158,
	BPF_FUNC_task_pt_regs___kernel = 175,
};

#define has_helper(name) \
	bpf_core_enum_value_exists(enum bpf_func_id___kernel, BPF_FUNC_##name##___kernel)

#endif
