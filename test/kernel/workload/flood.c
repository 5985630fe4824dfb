/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood N THREADS: each of the threads sends itself N signals of real time, as fast as the kernel takes them. They are blocked and
 * queued, and thrown away in between, so that no handler costs time.
 */
#include "truth.h"

#define ROUND 1000

static long n;

static void *flood(void *unused)
{
	pid_t process = getpid(), thread = syscall(SYS_gettid);
	/* Of one's own, so that nobody throws away what others have queued. */
	int number = SIGRTMIN + 1 + thread % 16;
	sigset_t set;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (long i = 0; i < n; i++) {
		if (syscall(SYS_tgkill, process, thread, number))
			die("tgkill");
		/* To ignore a signal throws away what is queued of it. */
		if (i % ROUND == ROUND - 1 &&
		    (signal(number, SIG_IGN) == SIG_ERR || signal(number, SIG_DFL) == SIG_ERR))
			die("signal");
	}
	return NULL;
}

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	long threads = number(argc, argv, 2, 2);
	pthread_t thread[16];
	double begin, used;

	n = number(argc, argv, 1, 1000);
	begin = seconds(CLOCK_MONOTONIC);
	for (long i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, flood, NULL))
			die("pthread_create");
	for (long i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	used = seconds(CLOCK_PROCESS_CPUTIME_ID);
	printf("{\"tgkill\":%ld,\"perSecond\":%.0f,\"perCpuSecond\":%.0f}\n", n * threads,
	       n * threads / (seconds(CLOCK_MONOTONIC) - begin), n * threads / used);
	return 0;
}
