/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What happens once, as records: each a header and, behind it, the body of its kind. */
#ifndef BPFLOW_EVENTS_H
#define BPFLOW_EVENTS_H

#include "include/types.h"

#define EVENT_PATH_LENGTH	 256
#define EVENT_ARGUMENTS_LENGTH	 1024
#define EVENT_CGROUP_PATH_LENGTH 512
#define EVENT_BASE_LENGTH	 1024
#define EVENT_PREFIX_LENGTH	 64
#define EVENT_STACK_DEPTH	 64
#define EVENT_REFUSED_GROUPS	 4096

enum event_kind {
	EVENT_FORK,
	EVENT_EXEC,
	EVENT_EXIT,
	EVENT_SIGNAL,
	EVENT_OOM_KILL,
	EVENT_CGROUP_MAKE,
	EVENT_CGROUP_ENTER, /* the first exec in a cgroup that was made since the start */
	EVENT_CGROUP_REMOVE,
	EVENT_TCP_CONNECT,
	EVENT_TCP_ACCEPT,
	EVENT_TCP_CLOSE,
	EVENT_FILE_OPEN,
	EVENT_FILE_RENAME,
	EVENT_FILE_UNLINK,
	EVENT_FILE_CHMOD,
	EVENT_DNS_QUERY,
	EVENT_DNS_RESPONSE,
	EVENT_NAMESPACE,
	EVENT_PRIVILEGE,
	EVENT_MEMORY,
	EVENT_CGROUP_MOVE,
	EVENT_STACK, /* of the event that has its time and thread */
	EVENT_KINDS,
};

/* Whom it concerns: of a fork the child, of a signal who gets it, of a connection the socket's owner. */
struct event_header {
	ns_t time; /* monotonic clock */
	cgroup_id_t cgroup;
	group_t group;
	u32 kind;
	pid_type pid;
	u32 tid;
	pid_type parent;
	u32 user; /* effective */
	u32 user_group;
	u32 cpu;
	comm_t command;
};

/* Behind it `path_length` bytes of the path and `arguments_length` bytes of arguments, both with their zeros. */
struct exec_body {
	u32 path_length;
	u32 arguments_length;
	u32 arguments_total; /* before they were cut */
	u32 old_tid; /* of the thread that called; the process has only the leader's after it */
};

struct exit_body {
	ns_t lifetime;
	ns_t run_time; /* of all threads, up to the last tick of the clock */
	u32 status; /* as wait() reports it */
	u32 reserved;
};

struct signal_body {
	u32 signal;
	s32 code; /* si_code */
	pid_type sender; /* 0: the kernel itself */
	u32 sender_user;
	comm_t sender_command;
};

struct oom_body {
	u64 pages; /* resident */
};

/* Behind it `path_length` bytes of its path below the root of the tree, with a zero. */
struct cgroup_body {
	cgroup_id_t cgroup;
	u32 path_length;
	u32 reserved;
};

/* As a cgroup's; `mover`: who did it. */
struct move_body {
	cgroup_id_t cgroup; /* where it is now */
	u32 path_length;
	pid_type mover;
	comm_t mover_command;
};

struct tcp_body {
	ns_t duration; /* of a connect, or of the connection; 0: not known */
	bytes_t sent; /* payload */
	bytes_t received;
	ns_t rtt; /* smoothed */
	u32 retransmits;
	errno_t error; /* -1: failed, nobody says why */
	u32 is_ipv6;
	u32 direction; /* enum tcp_direction */
	u32 local_port;
	u32 peer_port;
	u32 local_address[4]; /* as on the wire; of IPv4 the first word */
	u32 peer_address[4];
};

enum tcp_direction {
	TCP_UNKNOWN, /* older than the agent */
	TCP_OUTBOUND,
	TCP_INBOUND,
};

/*
 * Behind it, for the path and then for the target of a rename: names of the directory that it is relative to, from below, each
 * with a zero, and the path as it was given, with a zero. Lengths of 0: there is none.
 */
struct file_body {
	u32 detail; /* flags of an open, mode of a chmod */
	u32 base_length;
	u32 path_length;
	u32 target_base_length;
	u32 target_path_length;
	u32 reserved;
};

enum namespace_type {
	NAMESPACE_CGROUP,
	NAMESPACE_IPC,
	NAMESPACE_MOUNT,
	NAMESPACE_NETWORK,
	NAMESPACE_PID, /* of its children */
	NAMESPACE_TIME, /* of its children */
	NAMESPACE_USER,
	NAMESPACE_UTS,
	NAMESPACES,
};

enum namespace_step {
	NAMESPACE_CLONE, /* it is new, and has others than its parent */
	NAMESPACE_SETNS,
	NAMESPACE_UNSHARE,
	NAMESPACE_STEPS,
};

/* Inode numbers. */
struct namespace_body {
	u32 before[NAMESPACES];
	u32 after[NAMESPACES];
	u32 step; /* enum namespace_step */
	u32 reserved;
};

enum credential_id {
	USER_REAL,
	USER_EFFECTIVE,
	USER_SAVED,
	USER_FILE,
	GROUP_REAL,
	GROUP_EFFECTIVE,
	GROUP_SAVED,
	GROUP_FILE,
	CREDENTIAL_IDS,
};

struct privilege_body {
	u32 ids_before[CREDENTIAL_IDS];
	u32 ids_after[CREDENTIAL_IDS];
	u64 permitted_before; /* bits of capabilities */
	u64 permitted_after;
	u64 effective_before;
	u64 effective_after;
	syscall_t syscall; /* that changed it */
	u32 reserved;
};

struct memory_body {
	u64 pages; /* resident */
	u64 threshold;
};

/* Behind it the addresses of the kernel, then frames of the process, both from within. The header's process is the current one. */
struct stack_body {
	u32 of; /* enum event_kind */
	u32 kernel_bytes;
	u32 user_bytes;
	u32 reserved;
};

/* As the kernel's bpf_stack_build_id. */
struct stack_frame {
	s32 status; /* BPF_STACK_BUILD_ID_VALID: 1, BPF_STACK_BUILD_ID_IP: 2 */
	u32 build_id[5];
	u64 place; /* in the file; or the address, when there is no build id */
};

/* Per CPU and kind: offered = excluded + sampled_out + limited + full + unserved + what was handed over. */
struct event_count {
	count_t offered;
	count_t excluded; /* of the agent itself, or of a process that is filtered out */
	count_t sampled_out; /* others stand for it */
	count_t limited; /* above the rate limit */
	count_t full; /* no room in the ring, or in the CPU's buffer */
	count_t unserved; /* the CPU has no buffer */
};

#endif
