/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood N PROCESSES: each of the processes sends itself N signals of real time, as fast as the kernel takes them. They are blocked,
 * and nothing may be queued: the kernel delivers them without what they carry, and neither a handler nor memory costs time.
 */
#include "truth.h"
#include <sys/resource.h>

static void flood(long n)
{
	const struct rlimit none = {0};
	int number = SIGRTMIN + 1;
	pid_t self = getpid();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (setrlimit(RLIMIT_SIGPENDING, &none))
		die("setrlimit");
	for (long i = 0; i < n; i++)
		if (kill(self, number))
			die("kill");
	_exit(0);
}

static double seconds(struct timeval time)
{
	return time.tv_sec + time.tv_usec / 1e6;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	long n = number(argc, argv, 1, 1000), processes = number(argc, argv, 2, 2);
	double begin = now(), end;
	struct rusage used;
	pid_t child[16];

	for (long i = 0; i < processes; i++) {
		child[i] = fork();
		if (child[i] < 0)
			die("fork");
		if (!child[i])
			flood(n);
	}
	for (long i = 0; i < processes; i++)
		reap(child[i]);
	end = now();
	getrusage(RUSAGE_CHILDREN, &used);
	tell("{\"kill\":%ld,\"perSecond\":%.0f,\"perCpuSecond\":%.0f}", n * processes,
	     n * processes / (end - begin),
	     n * processes / (seconds(used.ru_utime) + seconds(used.ru_stime)));
	return 0;
}
