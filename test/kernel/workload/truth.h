/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs for the harder rules share; truth.c has the plain ones. Each does a known number of system calls under a
 * name of its own and then prints one line of JSON with the truth:
 *
 *   {"program":"exits","calls":{"exit":10,"exit_group":41},"errors":{"read":{"EINTR":5}}}
 *
 * `calls` and `errors` have the totals of all processes and threads with that executable, from exec to the end; a call under
 * `errors` has exactly these errors. What is not named there is not promised. Calls in the 32-bit ABI end in ` (32-bit)`.
 */
#ifndef TRUTH_H
#define TRUTH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

__attribute__((noreturn)) static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Prints the line with one call of write. */
__attribute__((format(printf, 1, 2))) static inline void tell(const char *format, ...)
{
	char line[4096];
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(line, sizeof(line) - 1, format, list);
	va_end(list);
	line[length++] = '\n';
	if (write(STDOUT_FILENO, line, length) != length)
		exit(1);
}

static inline long number(int argc, char **argv, int index, long standard)
{
	long value = argc > index ? atol(argv[index]) : standard;

	if (value < 0) {
		fprintf(stderr, "%s: argument %d must not be negative\n", argv[0], index);
		exit(2);
	}
	return value;
}

static inline void getppids(long count)
{
	for (long i = 0; i < count; i++)
		syscall(SYS_getppid);
}

static inline void start(pthread_t *thread, void *(*run)(void *), void *argument)
{
	if (pthread_create(thread, NULL, run, argument))
		die("pthread_create");
}

/* Waits for a child that has to end well. */
static inline void reap(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "child ended with status %#x\n", status);
		exit(1);
	}
}

/* Waits for a child that is killed. */
static inline void bury(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (!WIFSIGNALED(status)) {
		fprintf(stderr, "child ended with status %#x\n", status);
		exit(1);
	}
}

static inline void handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	if (sigaction(signal, &action, NULL))
		die("sigaction");
}

static inline void pause_for(long ns)
{
	struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/*
 * Waits until the thread sleeps in this system call. Uses pread64 and clock_nanosleep, never read, nanosleep or poll. The
 * state is read before and after the number: a stopped task shows the number of the call it was stopped in.
 */
static inline void wait_until_in(pid_t process, pid_t thread, long nr)
{
	char path[64], text[512], state;
	int status, call;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", process, thread);
	status = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", process, thread);
	call = open(path, O_RDONLY);
	if (status < 0 || call < 0)
		die(path);
	for (;; pause_for(50000)) {
		ssize_t length = pread(status, text, sizeof(text) - 1, 0);
		char *end;

		if (length <= 0)
			die("pread of stat");
		text[length] = 0;
		state = strrchr(text, ')')[2];
		length = pread(call, text, sizeof(text) - 1, 0);
		if (length <= 0)
			die("pread of syscall");
		text[length] = 0;
		if (state == 'S' && strtol(text, &end, 10) == nr && end != text)
			break;
	}
	close(status);
	close(call);
}

#endif
