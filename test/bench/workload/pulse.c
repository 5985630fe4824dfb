// pulse send N MS TARGET...: N times in turns to each of the targets, MS milliseconds apart: a descriptor gets the time in ns of the
// monotonic clock, `signal` is a signal of the process to itself that it ignores.
// pulse hear: for each time that comes by the standard input, prints how many ns ago that was. At the end of the input, in JSON.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MOST 100000

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int send_times(long n, long ms, int targets, char **target)
{
	const struct timespec between = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	int number = SIGRTMIN + 1;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_BLOCK, &set, 0);
	for (long i = 0; i < n * targets; i++) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &between, 0);
		const char *to = target[i % targets];
		if (!strcmp(to, "signal")) {
			kill(getpid(), number);
			continue;
		}
		uint64_t time = now();
		if (write(atoi(to), &time, sizeof time) != sizeof time)
			return 1;
	}
	return 0;
}

static int hear_times(void)
{
	static uint64_t heard[MOST];
	struct epoll_event event = {.events = EPOLLIN};
	int poll = epoll_create1(0), count = 0;
	uint64_t time;
	epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	while (count < MOST) {
		if (epoll_wait(poll, &event, 1, -1) < 1)
			continue;
		if (read(STDIN_FILENO, &time, sizeof time) != sizeof time)
			break;
		heard[count++] = now() - time;
	}
	for (int i = 0; i < count; i++)
		printf("%c%lu", i ? ',' : '[', heard[i]);
	puts(count ? "]" : "[]");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 4 && !strcmp(argv[1], "send"))
		return send_times(atol(argv[2]), atol(argv[3]), argc - 4, argv + 4);
	if (argc == 2 && !strcmp(argv[1], "hear"))
		return hear_times();
	fprintf(stderr, "usage: pulse send N MS TARGET... | pulse hear\n");
	return 2;
}
