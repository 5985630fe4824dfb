/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm N: N forks and 20 N reads of one byte from a pipe that a second thread fills, under a rain of signals whose handler has
 * SA_RESTART: calls are restarted at every point, and each is still one call.
 */
#include "truth.h"

/* What the library makes threads by: clone3 elsewhere. */
#if defined(__aarch64__)
#define THREADS_BY_CLONE 2
#else
#define THREADS_BY_CLONE 0
#endif

static volatile sig_atomic_t handled, over;
static pid_t process, target;
static int to[2];
static long n;

static void on_signal(int signal)
{
	(void)signal;
	handled++;
}

static void *rain(void *unused)
{
	(void)unused;
	while (!over) {
		int seen = handled;

		syscall(SYS_tgkill, process, target, SIGUSR1);
		for (int i = 0; handled == seen && !over && i < 1000; i++)
			sched_yield();
	}
	return NULL;
}

static void *fill(void *unused)
{
	(void)unused;
	for (long i = 0; i < 20 * n; i++)
		if (write(to[1], "x", 1) != 1)
			die("write");
	return NULL;
}

static void block_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char **argv)
{
	pthread_t drops, water;
	char byte;

	n = number(argc, argv, 1, 500);
	process = getpid();
	target = gettid();
	handle(SIGUSR1, on_signal, SA_RESTART);
	if (pipe(to))
		die("pipe");
	start(&drops, rain, NULL);
	start(&water, fill, NULL);
	for (long i = 0; i < n; i++) {
		long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

		if (child < 0)
			die("clone");
		if (child == 0)
			_exit(0);
		reap(child);
		for (int k = 0; k < 20; k++)
			if (syscall(SYS_read, to[0], &byte, 1) != 1)
				die("read");
	}
	over = 1;
	pthread_join(drops, NULL);
	pthread_join(water, NULL);
	block_signal();
	tell("{\"program\":\"storm\",\"calls\":{\"execve\":1,\"clone\":%ld,\"wait4\":%ld,\"read\":%"
	     "ld,\"rt_sigreturn\":%ld,"
	     "\"exit_group\":%ld},\"errors\":{\"clone\":{},\"wait4\":{},\"read\":{},\"rt_"
	     "sigreturn\":{}}}",
	     n + THREADS_BY_CLONE, n, 20 * n, (long)handled, n + 1);
	return 0;
}
