/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends HOW TIMES FOLDER: TIMES processes do known work of every kind and end in a way that is easily counted wrong. What their
 * parent is told of them by the kernel stands in the line that is printed.
 */
#include "truth.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define CALLS	100
#define BYTES	1000
#define PAGES	256
#define THREADS 4

static char path[512];
static const char *how;
static char stacks[THREADS + 1][1 << 16] __attribute__((aligned(64)));

static void connect_to_itself(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0),
	    server;
	char bytes[BYTES] = {0};

	if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &length) ||
	    connect(client, (struct sockaddr *)&address, length))
		die("connect");
	server = accept(listener, NULL, NULL);
	if (server < 0 || send(client, bytes, BYTES, 0) != BYTES ||
	    recv(server, bytes, BYTES, MSG_WAITALL) != BYTES)
		die("send");
	close(client);
	close(server);
	close(listener);
}

/* One unit of work: the counts of the test stand for this. */
static void work(void)
{
	char bytes[BYTES] = {0};
	char *pages;
	int file;

	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	file = open(path, O_RDWR);
	if (file < 0 || pwrite(file, bytes, BYTES, 0) != BYTES ||
	    pread(file, bytes, BYTES, 0) != BYTES)
		die(path);
	close(file);
	pages = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (pages == MAP_FAILED)
		die("mmap");
	madvise(pages, PAGES * 4096, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		pages[i * 4096] = 1;
	munmap(pages, PAGES * 4096);
	connect_to_itself();
}

/* Their stacks are not made by calls that would be counted. */
static pthread_t thread_that(int i, void *(*does)(void *))
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stacks[i], sizeof(stacks[i]));
	if (pthread_create(&thread, &attributes, does, NULL))
		die("thread");
	return thread;
}

static void *work_and_execute(void *unused)
{
	(void)unused;
	work();
	execl("/proc/self/exe", "ends", "unit", "1", path, NULL);
	die("execl");
}

static void *work_alone(void *unused)
{
	(void)unused;
	pause_for(2000000);
	work();
	return NULL;
}

static void *work_only(void *unused)
{
	(void)unused;
	work();
	return NULL;
}

static void child(void)
{
	if (!strcmp(how, "thread-exec")) {
		pthread_join(thread_that(0, work_and_execute), NULL);
	} else if (!strcmp(how, "zombie-leader")) {
		thread_that(0, work_alone);
		work();
		/* The leader alone: it stays a zombie until the thread has ended. */
		syscall(SYS_exit, 0);
	} else if (!strcmp(how, "threads-first")) {
		pthread_t threads[THREADS];

		for (int i = 0; i < THREADS; i++)
			threads[i] = thread_that(i, work_only);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		pause_for(2000000);
	} else {
		work();
	}
	_exit(0);
}

/* The next process gets this number, unless somebody else is faster. Returns the bytes that were written for it. */
static long ask_for(pid_t pid)
{
	char text[16];
	int file = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	int length = snprintf(text, sizeof(text), "%d", pid - 1);

	if (file < 0 || write(file, text, length) != length)
		die("ns_last_pid");
	close(file);
	return length;
}

int main(int argc, char **argv)
{
	struct rusage children, own;
	long times, again = 0, asked = 0;
	pid_t last = 0;

	if (argc < 4)
		return 2;
	how = argv[1];
	times = number(argc, argv, 2, 10);
	snprintf(path, sizeof(path), "%s", argv[3]);
	if (!strcmp(how, "unit")) {
		work();
		_exit(0);
	}
	for (long i = 0; i < times; i++) {
		pid_t pid;

		if (last && !strcmp(how, "pid-reuse"))
			asked += ask_for(last);
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid)
			child();
		again += pid == last;
		last = pid;
		reap(pid);
	}
	getrusage(RUSAGE_CHILDREN, &children);
	getrusage(RUSAGE_SELF, &own);
	printf("{\"reused\":%ld,\"asked\":%ld,\"faults\":%ld,\"own_faults\":%ld,\"switches\":%ld,"
	       "\"own_"
	       "switches\":%ld}\n",
	       again, asked, children.ru_minflt, own.ru_minflt,
	       children.ru_nvcsw + children.ru_nivcsw, own.ru_nvcsw + own.ru_nivcsw);
	return 0;
}
