/* SPDX-License-Identifier: Apache-2.0 */
/*
 * users UID N SIZE: does the same N times as who it is, 2 N times with UID as its effective user, and 4 N times as before: getppid, a
 * read of SIZE bytes, an open, a child that ends at once. Another thread, which nobody changes, makes N getppid in each part.
 */
#include "truth.h"

#include <sys/wait.h>

static long n, size;
static pthread_barrier_t part;
static char *data;

static void *stay(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		pthread_barrier_wait(&part);
		getppids(n);
		pthread_barrier_wait(&part);
	}
	return NULL;
}

static void work(int zero, long times)
{
	pthread_barrier_wait(&part);
	getppids(times);
	pthread_barrier_wait(&part);
	for (long i = 0; i < times; i++) {
		int fd = open("/dev/null", O_RDONLY);
		pid_t child = fork();

		if (!child)
			syscall(SYS_exit_group, 0);
		if (fd < 0 || child < 0 || waitpid(child, NULL, 0) != child ||
		    read(zero, data, size) != size)
			die("work");
		close(fd);
	}
}

/* Of this thread alone: libc's would change all of them. */
static void become(long user)
{
	if (syscall(SYS_setresuid, -1, user, -1))
		die("setresuid");
}

int main(int argc, char **argv)
{
	long user = number(argc, argv, 1, 1);
	pthread_t thread;
	int zero;

	n = number(argc, argv, 2, 10);
	size = number(argc, argv, 3, 1000);
	data = malloc(size);
	zero = open("/dev/zero", O_RDONLY);
	if (!data || zero < 0)
		die("/dev/zero");
	pthread_barrier_init(&part, NULL, 2);
	start(&thread, stay, NULL);
	work(zero, n);
	become(user);
	work(zero, 2 * n);
	become(0);
	work(zero, 4 * n);
	pthread_join(thread, NULL);
	tell("{\"before\":%ld,\"meanwhile\":%ld,\"after\":%ld,\"beside\":%ld}", n, 2 * n, 4 * n,
	     3 * n);
	return 0;
}
