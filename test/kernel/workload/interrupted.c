/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupted N: N times each
 *   a read that a handler without SA_RESTART ends (EINTR), one that two handlers with SA_RESTART interrupt and that then reads,
 *   a pause, a poll and a nanosleep that a handler with SA_RESTART ends all the same (EINTR).
 */
#include "truth.h"
#include <poll.h>

static volatile sig_atomic_t handled;
static pid_t process, target;
static int to[2];
static long n;

static void on_signal(int signal)
{
	(void)signal;
	handled++;
}

/* Hits the target in the call, and returns when its handler has run. */
static void hit(long nr, int signal)
{
	int seen = handled;

	wait_until_in(process, target, nr);
	syscall(SYS_tgkill, process, target, signal);
	while (handled == seen)
		sched_yield();
}

static void *sender(void *unused)
{
	(void)unused;
	for (long i = 0; i < n; i++) {
		hit(SYS_read, SIGUSR1);
		hit(SYS_read, SIGUSR2);
		hit(SYS_read, SIGUSR2);
		wait_until_in(process, target, SYS_read);
		if (write(to[1], "x", 1) != 1)
			die("write");
#ifdef SYS_pause
		hit(SYS_pause, SIGUSR2);
		hit(SYS_poll, SIGUSR2);
#endif
		hit(SYS_nanosleep, SIGUSR2);
	}
	return NULL;
}

static void interrupted(const char *what, long result)
{
	if (result != -1 || errno != EINTR)
		die(what);
}

int main(int argc, char **argv)
{
	long old = 0;
	pthread_t thread;
	char byte;

	n = number(argc, argv, 1, 20);
	process = getpid();
	target = gettid();
	handle(SIGUSR1, on_signal, 0);
	handle(SIGUSR2, on_signal, SA_RESTART);
	if (pipe(to))
		die("pipe");
	start(&thread, sender, NULL);
	for (long i = 0; i < n; i++) {
		struct timespec hour = {.tv_sec = 3600};

		interrupted("read", syscall(SYS_read, to[0], &byte, 1));
		if (syscall(SYS_read, to[0], &byte, 1) != 1)
			die("restarted read");
#ifdef SYS_pause
		interrupted("pause", syscall(SYS_pause));
		interrupted("poll", syscall(SYS_poll, NULL, 0, 3600000));
		old++;
#endif
		interrupted("nanosleep", syscall(SYS_nanosleep, &hour, NULL));
	}
	pthread_join(thread, NULL);
	tell("{\"program\":\"interrupted\",\"calls\":{\"execve\":1,\"read\":%ld,\"pause\":%ld,"
	     "\"poll\":%ld,\"nanosleep\":%ld,"
	     "\"restart_syscall\":0,\"rt_sigreturn\":%ld,\"tgkill\":%ld,\"write\":%ld,\"exit_"
	     "group\":1},"
	     "\"errors\":{\"read\":{\"EINTR\":%ld},\"pause\":{\"EINTR\":%ld},\"poll\":{\"EINTR\":%"
	     "ld},"
	     "\"nanosleep\":{\"EINTR\":%ld},\"rt_sigreturn\":{}}}",
	     2 * n, old, old, n, 4 * n + 2 * old, 4 * n + 2 * old, n + 1, n, old, old, n);
	return 0;
}
