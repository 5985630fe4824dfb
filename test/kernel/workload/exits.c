/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exits N: N children for each way to end. A task that a signal or a sibling's exit_group or execve ends made no call to
 * exit; the call that it waited in is counted.
 */
#include "truth.h"

#ifdef SYS_pause
#define WAITING		SYS_pause
#define WAITING_NAME	"pause"
#define wait_for_ever() syscall(SYS_pause)
#else
#define WAITING		SYS_ppoll
#define WAITING_NAME	"ppoll"
#define wait_for_ever() syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0)
#endif

static pid_t waiting;

static void *wait_in_call(void *unused)
{
	(void)unused;
	waiting = gettid();
	wait_for_ever();
	return NULL;
}

static void start_waiting(void)
{
	pthread_t thread;

	start(&thread, wait_in_call, NULL);
	while (!*(volatile pid_t *)&waiting)
		sched_yield();
	wait_until_in(getpid(), waiting, WAITING);
}

static void *end_group(void *unused)
{
	(void)unused;
	wait_until_in(getpid(), getpid(), WAITING);
	syscall(SYS_exit_group, 0);
	return NULL;
}

static void *execute(void *unused)
{
	(void)unused;
	wait_until_in(getpid(), getpid(), WAITING);
	execl("/proc/self/exe", "exits", "end", NULL);
	die("execl");
}

static void exit_thread(void)
{
	syscall(SYS_exit, 0);
}

static void exit_process(void)
{
	syscall(SYS_exit_group, 0);
}

static void exit_with_waiting_thread(void)
{
	start_waiting();
	syscall(SYS_exit_group, 0);
}

static void exit_by_thread(void)
{
	pthread_t thread;

	start(&thread, end_group, NULL);
	wait_for_ever();
}

static void exec_by_thread(void)
{
	pthread_t thread;

	start(&thread, execute, NULL);
	wait_for_ever();
}

static void wait_for_kill(void)
{
	wait_for_ever();
}

static void run_until_killed(void)
{
	for (;;)
		__asm__ volatile("");
}

static pid_t child_that(void (*ends)(void))
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0) {
		ends();
		_exit(3);
	}
	return child;
}

int main(int argc, char **argv)
{
	long n;

	if (argc > 1 && !strcmp(argv[1], "end"))
		return 0;
	n = number(argc, argv, 1, 10);
	for (long i = 0; i < n; i++) {
		pid_t child;

		reap(child_that(exit_thread));
		reap(child_that(exit_process));
		reap(child_that(exit_with_waiting_thread));
		reap(child_that(exit_by_thread));
		reap(child_that(exec_by_thread));
		child = child_that(wait_for_kill);
		wait_until_in(child, child, WAITING);
		kill(child, SIGKILL);
		bury(child);
		child = child_that(run_until_killed);
		pause_for(1000000);
		kill(child, SIGKILL);
		bury(child);
	}
	/* Ended by kill, by a sibling's exit_group (twice), by a sibling's execve. */
	tell("{\"program\":\"exits\",\"calls\":{\"execve\":%ld,\"exit\":%ld,\"exit_group\":%ld,"
	     "\"" WAITING_NAME "\":%ld,\"kill\":%ld,\"write\":1},\"errors\":{\"" WAITING_NAME
	     "\":{},\"kill\":{}}}",
	     n + 1, n, 4 * n + 1, 4 * n, 2 * n);
	return 0;
}
