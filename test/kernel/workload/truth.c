// truth: does exactly what it is told to and prints what it did, one JSON line. Linked statically, so that no loader adds
// calls of its own. The tests run copies of it under names of their own.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *self;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long number(char **args, int i)
{
	return args[i] ? atol(args[i]) : 0;
}

static void call_getppid(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_getppid);
}

static double seconds(struct timeval *t)
{
	return t->tv_sec + t->tv_usec / 1e6;
}

// ---------------------------------------------------------------- counts

static void *getppid_thread(void *n)
{
	call_getppid((long)n);
	return 0;
}

// getppid N THREADS
static void getppid_mode(char **args)
{
	long n = number(args, 0), threads = number(args, 1);
	pthread_t thread[64];

	for (long i = 0; i < threads; i++)
		if (pthread_create(&thread[i], 0, getppid_thread, (void *)n))
			die("pthread_create");
	for (long i = 0; i < threads; i++)
		pthread_join(thread[i], 0);
	printf("{\"getppid\":%ld}\n", n * threads);
}

// openat N: every second one fails with ENOENT
static void openat_mode(char **args)
{
	long n = number(args, 0);

	for (long i = 0; i < n; i++) {
		if (i % 2) {
			int fd = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);

			if (fd < 0)
				die("openat");
			syscall(SYS_close, fd);
		} else if (syscall(SYS_openat, AT_FDCWD, "/nonexistent-truth", O_RDONLY) >= 0) {
			die("openat of nothing");
		}
	}
	printf("{\"openat\":%ld,\"ENOENT\":%ld,\"close\":%ld}\n", n, (n + 1) / 2, n / 2);
}

// ---------------------------------------------------------------- tasks

static long make_child(const char *how)
{
	if (!strcmp(how, "fork"))
#ifdef SYS_fork
		return syscall(SYS_fork);
#else
		return fork();
#endif
	if (!strcmp(how, "clone"))
		return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

// children HOW N: N children that make one call and end by exit_group
static void children_mode(char **args)
{
	volatile long n = number(args, 1);
	int by_vfork = !strcmp(args[0], "vfork");

	for (volatile long i = 0; i < n; i++) {
		/* Here, because a vfork's child must not return from the function that called it. */
		long pid = by_vfork ? vfork() : make_child(args[0]);

		if (!pid) {
			syscall(SYS_getppid);
			_exit(0);
		}
		if (pid < 0)
			die(args[0]);
		if (waitpid(pid, 0, 0) != pid)
			die("waitpid");
	}
	printf("{\"%s\":%ld,\"getppid\":%ld,\"exit_group\":%ld}\n", args[0], n, n, n + 1);
}

static void *nothing(void *unused)
{
	return unused;
}

// threads N: N threads that end by exit
static void threads_mode(char **args)
{
	long n = number(args, 0);

	for (long i = 0; i < n; i++) {
		pthread_t thread;

		if (pthread_create(&thread, 0, nothing, 0))
			die("pthread_create");
		pthread_join(thread, 0);
	}
	printf("{\"exit\":%ld,\"exit_group\":1}\n", n);
}

// killed N: N children that a signal ends while they wait
static void killed_mode(char **args)
{
	long n = number(args, 0);

	for (long i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid)
			for (;;)
				pause();
		kill(pid, SIGKILL);
		waitpid(pid, 0, 0);
	}
	printf("{\"kill\":%ld,\"exit_group\":1}\n", n);
}

// ---------------------------------------------------------------- signals

static volatile sig_atomic_t handled;

static void on_signal(int unused)
{
	(void)unused;
	handled++;
}

static void handle(int flags)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

	if (sigaction(SIGUSR1, &action, 0))
		die("sigaction");
}

// sigreturn N
static void sigreturn_mode(char **args)
{
	long n = number(args, 0);

	handle(0);
	for (long i = 0; i < n; i++)
		syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	if (handled != n)
		die("signals");
	printf("{\"rt_sigreturn\":%ld,\"tgkill\":%ld}\n", n, n);
}

// Waits until a process sleeps in a call.
static void wait_asleep(pid_t pid, char wanted)
{
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 100000; i++) {
		int fd = open(path, O_RDONLY);
		long length = read(fd, line, sizeof(line) - 1);
		char *state;

		close(fd);
		if (length <= 0)
			die("stat");
		line[length] = 0;
		state = strrchr(line, ')') + 2;
		if (*state == wanted)
			return;
		usleep(50);
	}
	die("never asleep");
}

// interrupted restart|eintr N: readv from a pipe, interrupted each time by a handler with or without SA_RESTART
static void interrupted_mode(char **args)
{
	int restart = !strcmp(args[0], "restart"), data[2], ready[2];
	long n = number(args, 1);
	char byte = 0;

	if (pipe(data) || pipe(ready))
		die("pipe");
	pid_t pid = fork();
	if (!pid) {
		struct iovec place = {&byte, 1};
		long failed = 0;

		handle(restart ? SA_RESTART : 0);
		for (long i = 0; i < n; i++) {
			if (write(ready[1], &byte, 1) != 1)
				_exit(1);
			if (readv(data[0], &place, 1) < 0 && errno == EINTR)
				failed++;
		}
		_exit(failed == (restart ? 0 : n) ? 0 : 2);
	}
	for (long i = 0; i < n; i++) {
		if (read(ready[0], &byte, 1) != 1)
			die("ready");
		wait_asleep(pid, 'S');
		kill(pid, SIGUSR1);
		if (!restart)
			continue;
		usleep(300);
		wait_asleep(pid, 'S');
		if (write(data[1], &byte, 1) != 1)
			die("data");
	}
	int status;
	waitpid(pid, &status, 0);
	if (status)
		die("child");
	printf("{\"readv\":%ld,\"EINTR\":%ld,\"rt_sigreturn\":%ld}\n", n, restart ? 0 : n, n);
}

// sleeper MS: one clock_nanosleep, for somebody outside who stops and continues it
static void sleeper_mode(char **args)
{
	struct timespec time = {number(args, 0) / 1000, number(args, 0) % 1000 * 1000000};

	syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, 0);
	printf("{\"clock_nanosleep\":1}\n");
}

// ---------------------------------------------------------------- other ways in

// compat N: getppid by the 32-bit entry
static void compat_mode(char **args)
{
	long n = number(args, 0);
#ifdef __x86_64__
	for (long i = 0; i < n; i++) {
		long result;

		__asm__ volatile("int $0x80"
				 : "=a"(result)
				 : "a"(64L)
				 : "memory", "r8", "r9", "r10", "r11");
		if (result <= 0)
			die("int 0x80");
	}
#endif
	printf("{\"getppid (32-bit)\":%ld}\n", n);
}

// seccomp N: getppid is denied with EPERM
static void seccomp_mode(char **args)
{
	long n = number(args, 0);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		die("seccomp");
	// A long call first: a stale start time would show as a long getppid.
	usleep(200000);
	for (long i = 0; i < n; i++)
		if (syscall(SYS_getppid) != -1 || errno != EPERM)
			die("not denied");
	printf("{\"getppid\":%ld,\"EPERM\":%ld}\n", n, n);
}

// ---------------------------------------------------------------- names

// then N PROGRAM ARGS…: N getppid, then another program
static void then_mode(char **args)
{
	call_getppid(number(args, 0));
	execv(args[1], args + 1);
	die(args[1]);
}

// rename N NAME: N getppid under the old name of the thread, N under the new one, in two threads
static void *renamed_thread(void *n)
{
	call_getppid((long)n);
	return 0;
}

static void rename_mode(char **args)
{
	long n = number(args, 0);
	pthread_t thread;

	call_getppid(n);
	prctl(PR_SET_NAME, args[1]);
	pthread_create(&thread, 0, renamed_thread, (void *)n);
	pthread_join(thread, 0);
	call_getppid(n);
	printf("{\"before\":%ld,\"after\":%ld}\n", n, 2 * n);
}

static pthread_barrier_t moved;

static void *moving_thread(void *n)
{
	call_getppid((long)n);
	pthread_barrier_wait(&moved);
	pthread_barrier_wait(&moved);
	call_getppid((long)n);
	return 0;
}

static void enter_cgroup(const char *folder)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		die(path);
	close(fd);
}

// cgroup FROM TO N: N getppid in each of two threads in one cgroup, then in another
static void cgroup_mode(char **args)
{
	long n = number(args, 2);
	pthread_t thread;

	enter_cgroup(args[0]);
	pthread_barrier_init(&moved, 0, 2);
	pthread_create(&thread, 0, moving_thread, (void *)n);
	call_getppid(n);
	pthread_barrier_wait(&moved);
	enter_cgroup(args[1]);
	pthread_barrier_wait(&moved);
	call_getppid(n);
	pthread_join(thread, 0);
	printf("{\"before\":%ld,\"after\":%ld}\n", 2 * n, 2 * n);
}

// ---------------------------------------------------------------- time

// churn PROCESSES CALLS AT_ONCE: short processes by fork and exec
static void churn_mode(char **args)
{
	long n = number(args, 0), running = 0, started = 0;
	struct rusage children, own;

	while (started < n || running) {
		if (started < n && running < number(args, 2)) {
			pid_t pid = fork();

			if (!pid) {
				execl(self, self, "getppid-quietly", args[1], (char *)0);
				_exit(127);
			}
			if (pid < 0)
				die("fork");
			started++;
			running++;
			continue;
		}
		/* A moment between its end and its burial: the kernel tells the parent of what was counted by then. */
		siginfo_t ended;
		int status;
		if (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT))
			die("waitid");
		usleep(100);
		if (waitpid(ended.si_pid, &status, 0) < 0 || status)
			die("wait");
		running--;
	}
	getrusage(RUSAGE_CHILDREN, &children);
	getrusage(RUSAGE_SELF, &own);
	printf("{\"own_cpu_s\":%.6f,\"own_voluntary\":%ld,\"own_involuntary\":%ld,",
	       seconds(&own.ru_utime) + seconds(&own.ru_stime), own.ru_nvcsw, own.ru_nivcsw);
	printf("\"getppid\":%ld,\"execve\":%ld,\"exit_group\":%ld,\"children_cpu_s\":%.6f,"
	       "\"voluntary\":%ld,\"involuntary\":%ld}\n",
	       n * number(args, 1), n, n + 1,
	       seconds(&children.ru_utime) + seconds(&children.ru_stime), children.ru_nvcsw,
	       children.ru_nivcsw);
}

static void quiet_mode(char **args)
{
	call_getppid(number(args, 0));
	_exit(0);
}

static void report_own_usage(void)
{
	struct rusage own, children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	printf("{\"cpu_s\":%.6f,\"voluntary\":%ld,\"involuntary\":%ld}\n",
	       seconds(&own.ru_utime) + seconds(&own.ru_stime) + seconds(&children.ru_utime) +
		       seconds(&children.ru_stime),
	       own.ru_nvcsw + children.ru_nvcsw, own.ru_nivcsw + children.ru_nivcsw);
}

// pingpong N: one byte to and fro N times between two processes on one CPU
static void pingpong_mode(char **args)
{
	long n = number(args, 0);
	int to[2], from[2];
	char byte = 0;
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	if (pipe(to) || pipe(from))
		die("pipe");
	pid_t pid = fork();
	if (!pid) {
		for (long i = 0; i < n; i++)
			if (read(to[0], &byte, 1) != 1 || write(from[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	for (long i = 0; i < n; i++)
		if (write(to[1], &byte, 1) != 1 || read(from[0], &byte, 1) != 1)
			die("ping");
	waitpid(pid, 0, 0);
	report_own_usage();
}

// mixed SECONDS: computes, calls and sleeps in turn, in two processes
static void mixed_mode(char **args)
{
	struct timespec start, now;
	volatile uint64_t work = 0;
	pid_t pid = fork();

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		for (int i = 0; i < 2000000; i++)
			work += i;
		call_getppid(2000);
		usleep(2000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec <
		 number(args, 0) * 1000000000);
	if (!pid)
		_exit(0);
	waitpid(pid, 0, 0);
	report_own_usage();
}

static const struct mode {
	const char *name;
	void (*run)(char **args);
	int arguments;
} modes[] = {
	{"getppid", getppid_mode, 2},
	{"openat", openat_mode, 1},
	{"children", children_mode, 2},
	{"threads", threads_mode, 1},
	{"killed", killed_mode, 1},
	{"sigreturn", sigreturn_mode, 1},
	{"interrupted", interrupted_mode, 2},
	{"sleeper", sleeper_mode, 1},
	{"compat", compat_mode, 1},
	{"seccomp", seccomp_mode, 1},
	{"then", then_mode, 2},
	{"rename", rename_mode, 2},
	{"cgroup", cgroup_mode, 3},
	{"churn", churn_mode, 3},
	{"getppid-quietly", quiet_mode, 1},
	{"pingpong", pingpong_mode, 1},
	{"mixed", mixed_mode, 1},
};

int main(int argc, char **argv)
{
	self = argv[0];
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(argv[1], modes[i].name) || argc - 2 < modes[i].arguments)
			continue;
		modes[i].run(argv + 2);
		fflush(stdout);
		return 0;
	}
	fprintf(stderr, "usage: truth MODE ARGS…\n");
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		fprintf(stderr, "  %s (%d arguments)\n", modes[i].name, modes[i].arguments);
	return 2;
}
