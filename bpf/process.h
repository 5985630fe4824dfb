/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Series groups and what belongs to a task. Shared by all objects; user space reads groups, totals and the ledger. */
#ifndef BPFLOW_PROCESS_H
#define BPFLOW_PROCESS_H

#include "include/types.h"

#define GROUP_OTHER	    0
#define GROUP_EXCLUDED	    0xffffffff
#define PROCESS_NAME_LENGTH 64
#define CGROUP_PATH_LENGTH  1024 /* TRACE_CGROUP_PATH_LEN */
#define CGROUP_NAME_LENGTH  256 /* NAME_MAX and a zero */
#define USER_RANGES	    32

/* What a series group is: equal keys are one group. Unused parts are zero. */
struct group_key {
	cgroup_id_t cgroup;
	pid_type pid; /* only with the label `pid` */
	u32 kernel_thread; /* 1 for kernel threads */
	char process
		[PROCESS_NAME_LENGTH]; /* basename of the executable; `kernel` for kernel threads */
	comm_t command; /* only with the label `command`: name of the leader thread */
};

struct group_value {
	group_t id;
	u32 reserved;
};

/* What the kernel counts itself, credited to the task's group. */
struct group_totals {
	ns_t runtime;
	count_t voluntary;
	count_t involuntary;
	bytes_t read; /* task I/O accounting: what calls of read and the like returned, of files, sockets, pipes */
	bytes_t written;
	count_t minor_faults;
	count_t major_faults;
	u64 pages; /* resident, of the processes that were alive in the collection `live` */
	u64 live; /* the last collection in which a task of the group was alive */
};

/* Where a cgroup was made, below the root of the tree. */
struct cgroup_path {
	char path[CGROUP_PATH_LENGTH];
};

/* A cgroup on the way from the agent's own to the root. */
struct agent_cgroup {
	cgroup_id_t id; /* 0: there is none */
	char name[CGROUP_NAME_LENGTH]; /* of its directory; empty for the root */
};

/* One slot: facts that all objects share. */
struct node {
	u64 next_group;
	u64 changes; /* of tasks: each makes what CPUs remember of their last one stale */
	u64 generation; /* of the collection that runs or ran last */
	cgroup_id_t scope; /* what runs outside this cgroup is left out; 0: nothing is */
	pid_type agent; /* the agent's own process, 0 until it is known */
	u32 reserved;
};

/* Why a run of a program did not add to a series of its own. Index of the per-CPU array `ledger`. */
enum ledger_slot {
	LEDGER_EXCLUDED, /* of a process that is left out */
	LEDGER_CHILD_RETURN, /* ruled out: a child's return from its parent's fork */
	LEDGER_RESTARTED, /* ruled out: will be made again by the kernel */
	LEDGER_NO_CALL_EXIT, /* ruled out: a task ended without an exit call */
	LEDGER_NO_STATE, /* no storage for the task; counted as `other` */
	LEDGER_GROUPS_FULL, /* no room for a new group; its tasks count as `other` */
	LEDGER_SYSCALLS_FULL, /* counted as `other` */
	LEDGER_ERRORS_FULL, /* counted as `other` */
	LEDGER_LATENCIES_FULL, /* counted as `other` */
	LEDGER_WAITS_FULL, /* counted as `other` */
	LEDGER_UNLOCKED_CREDIT, /* before 5.12: another CPU may have credited the same */
	LEDGER_FILES_FULL, /* counted as `other` */
	LEDGER_MEMORY_FULL, /* counted as `other` */
	LEDGER_TRAFFIC_FULL, /* counted as `other`, a gauge not at all */
	LEDGER_NO_SOCKET, /* no storage for the socket, or it is older and was in no process; not counted */
	LEDGER_FLOWS_FULL, /* counted without peer and ports */
	LEDGER_BLOCK_FULL, /* a request without a latency */
	LEDGER_DNS_FULL, /* counted as `other` */
	LEDGER_DNS_WAITING_FULL, /* a query whose response is not recognized */
	LEDGER_NAMES_FULL, /* counted without the name */
	LEDGER_DNS_CUT, /* a message over two segments whose header or question was cut */
	LEDGER_DNS_STREAM_LOST, /* segments of TCP in another order: messages in them are not counted */
	LEDGER_HTTP_FULL, /* counted as `other` */
	LEDGER_HTTP_WAITING_FULL, /* a request whose response has no time */
	LEDGER_HTTP_STREAM_LOST, /* segments in another order, or more lines than are read: messages until the next turn are not counted */
	LEDGER_SLOTS,
};

#endif
