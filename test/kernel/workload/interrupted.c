/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interrupted N: N times each
 *   a read that a handler without SA_RESTART ends (EINTR), one that two handlers with SA_RESTART interrupt and that then reads,
 *   a pause, a poll and a nanosleep that a handler with SA_RESTART ends all the same (EINTR).
 */
#include "truth.h"

/* Two that end with EINTR whatever the handler's flags: where these are missing, others of the kind. */
#ifdef SYS_pause
#define PAUSE	     SYS_pause
#define PAUSE_NAME   "pause"
#define pause_once() syscall(SYS_pause)
#define POLL	     SYS_poll
#define POLL_NAME    "poll"
#define poll_once()  syscall(SYS_poll, NULL, 0, 3600000)
#else
#define PAUSE	     SYS_ppoll
#define PAUSE_NAME   "ppoll"
#define pause_once() syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0)
#define POLL	     SYS_rt_sigtimedwait
#define POLL_NAME    "rt_sigtimedwait"
#define poll_once()  syscall(SYS_rt_sigtimedwait, &no_signals, NULL, NULL, sizeof(no_signals))
static uint64_t no_signals;
#endif

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
		hit(PAUSE, SIGUSR2);
		hit(POLL, SIGUSR2);
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
		interrupted(PAUSE_NAME, pause_once());
		interrupted(POLL_NAME, poll_once());
		interrupted("nanosleep", syscall(SYS_nanosleep, &hour, NULL));
	}
	pthread_join(thread, NULL);
	tell("{\"program\":\"interrupted\",\"calls\":{\"execve\":1,\"read\":%ld,\"" PAUSE_NAME
	     "\":%ld,\"" POLL_NAME "\":%ld,\"nanosleep\":%ld,"
	     "\"restart_syscall\":0,\"rt_sigreturn\":%ld,\"tgkill\":%ld,\"write\":%ld,\"exit_"
	     "group\":1},"
	     "\"errors\":{\"read\":{\"EINTR\":%ld},\"" PAUSE_NAME "\":{\"EINTR\":%ld},"
	     "\"" POLL_NAME "\":{\"EINTR\":%ld},"
	     "\"nanosleep\":{\"EINTR\":%ld},\"rt_sigreturn\":{}}}",
	     2 * n, n, n, n, 6 * n, 6 * n, n + 1, n, n, n, n);
	return 0;
}
