/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps N: for each byte on stdin N getppid by its two threads together, then a line with the truth of all steps until then.
 * Ends with stdin. Other than these it makes no getppid, and between steps none of any kind: a process to start things around.
 */
#include "truth.h"

static long n;
static pthread_barrier_t phase;

static void *run(void *unused)
{
	(void)unused;
	for (;;) {
		pthread_barrier_wait(&phase);
		getppids(n / 2);
		pthread_barrier_wait(&phase);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	long steps = 0;
	char byte;

	n = number(argc, argv, 1, 1000);
	pthread_barrier_init(&phase, NULL, 2);
	start(&thread, run, NULL);
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		pthread_barrier_wait(&phase);
		getppids(n - n / 2);
		pthread_barrier_wait(&phase);
		steps++;
		tell("{\"program\":\"steps\",\"pid\":%d,\"steps\":%ld,\"calls\":{\"getppid\":%ld}}",
		     getpid(), steps, steps * n);
	}
	return 0;
}
