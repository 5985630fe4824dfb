// wl: fixed workloads with exact ground truth.
// Each run does a known number of operations and prints one JSON line that says what was done.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	      4096L
#define PAGES_PER_MAP 512L // pf: pages touched per mmap/munmap
#define REQUEST	      128 // tcp: bytes client -> server
#define RESPONSE      1024 // tcp: bytes server -> client
#define CHUNK	      65536 // stream: bytes per write
#define DATAGRAM      100 // udp: bytes per datagram
#define MAX_THREADS   64

static long n; // operations per thread (meaning depends on the mode)
static int threads = 2;
static char dir[512]; // file: where the test files are
static char truth[400]; // JSON members with the ground truth
static double ops; // operations in total
static uint64_t elapsed; // ns of the measured part
static pthread_barrier_t barrier;

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void pin(long i)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(i % (cpus > 0 ? cpus : 1), &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void read_full(int fd, char *buf, int len)
{
	while (len > 0) {
		int r = read(fd, buf, len);
		if (r <= 0)
			die("read");
		buf += r;
		len -= r;
	}
}

// Runs fn in `threads` threads, one per cpu in turn, and measures from the common start to the last end.
static void run_threads(void *(*fn)(void *))
{
	pthread_t t[MAX_THREADS];
	pthread_barrier_init(&barrier, 0, threads + 1);
	for (long i = 0; i < threads; i++)
		if (pthread_create(&t[i], 0, fn, (void *)i))
			die("pthread_create");
	pthread_barrier_wait(&barrier);
	uint64_t start = now();
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], 0);
	elapsed = now() - start;
}

// ---------------------------------------------------------------- getppid: the cheapest system call

static void *getppid_thread(void *arg)
{
	pin((long)arg);
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < n; i++)
		syscall(SYS_getppid);
	return 0;
}

static void mode_getppid(void)
{
	run_threads(getppid_thread);
	ops = (double)n * threads;
	sprintf(truth, "\"getppid\":%ld", n * threads);
}

// ---------------------------------------------------------------- mix: several calls, some fail
// Each round: getppid, read of 64 bytes of /dev/zero; every 10th round also one openat that fails
// with ENOENT and one openat + close that succeed.

static void *mix_thread(void *arg)
{
	char buf[64];
	int zero = open("/dev/zero", O_RDONLY);
	pin((long)arg);
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < n; i++) {
		syscall(SYS_getppid);
		if (read(zero, buf, sizeof buf) != sizeof buf)
			die("read");
		if (i % 10 == 0) {
			if (syscall(SYS_openat, AT_FDCWD, "/nonexistent-wl", O_RDONLY) >= 0)
				die("openat");
			int fd = syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
			syscall(SYS_close, fd);
		}
	}
	return 0;
}

static void mode_mix(void)
{
	long tenth = (n + 9) / 10;
	run_threads(mix_thread);
	ops = (double)n * threads * 2 + 3.0 * tenth * threads;
	sprintf(truth,
		"\"getppid\":%ld,\"read_devzero\":%ld,\"openat_enoent\":%ld,\"openat_devnull\":%ld",
		n * threads, n * threads, tenth * threads, tenth * threads);
}

// ---------------------------------------------------------------- pf: minor page faults

static void *pf_thread(void *arg)
{
	pin((long)arg);
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < n; i += PAGES_PER_MAP) {
		char *p = mmap(0, PAGES_PER_MAP * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			die("mmap");
		madvise(p, PAGES_PER_MAP * PAGE, MADV_NOHUGEPAGE);
		for (long k = 0; k < PAGES_PER_MAP; k++)
			p[k * PAGE] = 1;
		munmap(p, PAGES_PER_MAP * PAGE);
	}
	return 0;
}

static void mode_pf(void)
{
	n = (n + PAGES_PER_MAP - 1) / PAGES_PER_MAP * PAGES_PER_MAP;
	run_threads(pf_thread);
	ops = (double)n * threads;
	sprintf(truth, "\"faults\":%ld", n * threads);
}

// ---------------------------------------------------------------- file: 4 KiB pwrite + pread in the page cache

static void *file_thread(void *arg)
{
	char name[600], buf[PAGE];
	int fd = -1;
	memset(buf, 1, sizeof buf);
	snprintf(name, sizeof name, "%s/wl.%d.%ld", dir, getpid(), (long)arg);
	pin((long)arg);
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < n; i++) {
		if (i % 100 == 0) { // a new open every 100 rounds
			if (fd >= 0)
				close(fd);
			fd = open(name, O_RDWR | O_CREAT, 0644);
			if (fd < 0)
				die(name);
		}
		off_t at = i % 1024 * PAGE;
		if (pwrite(fd, buf, PAGE, at) != PAGE)
			die("pwrite");
		if (pread(fd, buf, PAGE, at) != PAGE)
			die("pread");
	}
	close(fd);
	unlink(name);
	return 0;
}

static void mode_file(void)
{
	int own = !dir[0];
	if (own) {
		const char *tmp = getenv("TMPDIR");
		snprintf(dir, sizeof dir, "%s/wl-XXXXXX", tmp && *tmp ? tmp : "/tmp");
		if (!mkdtemp(dir))
			die(dir);
	}
	run_threads(file_thread);
	if (own)
		rmdir(dir);
	ops = (double)n * threads * 2;
	sprintf(truth, "\"pwrite\":%ld,\"pread\":%ld,\"bytes_each\":%ld,\"opens\":%ld", n * threads,
		n * threads, n * threads * PAGE, (n + 99) / 100 * threads);
}

// ---------------------------------------------------------------- ctx, ctx2: context switches
// Two processes pass one byte to and fro over pipes, on one cpu (ctx) or on two (ctx2).

static void ping_pong(int two_cpus)
{
	int to[2], from[2];
	char x = 0;
	if (pipe(to) || pipe(from))
		die("pipe");
	pid_t child = fork();
	if (!child) {
		pin(two_cpus);
		for (long i = 0; i < n; i++) {
			if (read(to[0], &x, 1) != 1 || write(from[1], &x, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	pin(0);
	uint64_t start = now();
	for (long i = 0; i < n; i++) {
		if (write(to[1], &x, 1) != 1)
			die("write");
		if (read(from[0], &x, 1) != 1)
			die("read");
	}
	elapsed = now() - start;
	waitpid(child, 0, 0);
	ops = 2.0 * n;
	sprintf(truth, "\"switches_min\":%ld,\"child\":%d", 2 * n, child);
}

static void mode_ctx(void)
{
	ping_pong(0);
}
static void mode_ctx2(void)
{
	ping_pong(1);
}

// ---------------------------------------------------------------- sockets, all on loopback

static int loopback_socket(int type, struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, type, 0);
	socklen_t len = sizeof *addr;
	memset(addr, 0, sizeof *addr);
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (void *)addr, len) || getsockname(fd, (void *)addr, &len))
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 512))
		die("listen");
	return fd;
}

static int connect_to(struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (void *)addr, sizeof *addr))
		die("connect");
	return fd;
}

// tcp: n connections, each one request, one response, closed by the client first
static void mode_tcp(void)
{
	struct sockaddr_in addr;
	char buf[RESPONSE];
	int l = loopback_socket(SOCK_STREAM, &addr);
	memset(buf, 'x', sizeof buf);
	pid_t server = fork();
	if (!server) {
		pin(1);
		for (long i = 0; i < n; i++) {
			int fd = accept(l, 0, 0);
			if (fd < 0)
				_exit(1);
			read_full(fd, buf, REQUEST);
			if (write(fd, buf, RESPONSE) != RESPONSE)
				_exit(1);
			if (read(fd, buf, 1) != 0)
				_exit(3);
			close(fd);
		}
		_exit(0);
	}
	close(l);
	pin(0);
	uint64_t start = now();
	for (long i = 0; i < n; i++) {
		int fd = connect_to(&addr);
		if (write(fd, buf, REQUEST) != REQUEST)
			die("write");
		read_full(fd, buf, RESPONSE);
		close(fd);
	}
	waitpid(server, 0, 0);
	elapsed = now() - start;
	ops = n;
	sprintf(truth,
		"\"connections\":%ld,\"req_bytes\":%ld,\"resp_bytes\":%ld,\"port\":%d,\"server\":%"
		"d",
		n, n * REQUEST, n * RESPONSE, ntohs(addr.sin_port), server);
}

// tcp-alone: the same in one process on one cpu, in real time if that is permitted: nothing else runs there meanwhile
static void mode_tcp_alone(void)
{
	struct sockaddr_in addr;
	char buf[RESPONSE];
	struct sched_param priority = {.sched_priority = 1};
	int l = loopback_socket(SOCK_STREAM, &addr);
	memset(buf, 'x', sizeof buf);
	pin(0);
	sched_setscheduler(0, SCHED_FIFO, &priority);
	uint64_t start = now();
	for (long i = 0; i < n; i++) {
		int client = connect_to(&addr), server = accept(l, 0, 0);
		if (server < 0)
			die("accept");
		if (write(client, buf, REQUEST) != REQUEST)
			die("write");
		read_full(server, buf, REQUEST);
		if (write(server, buf, RESPONSE) != RESPONSE)
			die("write");
		read_full(client, buf, RESPONSE);
		close(client);
		if (read(server, buf, 1) != 0)
			die("read");
		close(server);
	}
	elapsed = now() - start;
	ops = n;
	sprintf(truth, "\"connections\":%ld,\"req_bytes\":%ld,\"resp_bytes\":%ld,\"port\":%d", n,
		n * REQUEST, n * RESPONSE, ntohs(addr.sin_port));
}

// rr: n one-byte requests and answers; stream: n writes of 64 KiB one way; one connection
static void one_connection(int rr)
{
	static char buf[CHUNK];
	struct sockaddr_in addr;
	int one = 1, l = loopback_socket(SOCK_STREAM, &addr);
	pid_t server = fork();
	if (!server) {
		pin(1);
		int fd = accept(l, 0, 0);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (rr) {
			for (long i = 0; i < n; i++)
				if (read(fd, buf, 1) != 1 || write(fd, buf, 1) != 1)
					_exit(1);
		} else {
			while (read(fd, buf, CHUNK) > 0)
				;
		}
		_exit(0);
	}
	pin(0);
	int fd = connect_to(&addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	uint64_t start = now();
	for (long i = 0; i < n; i++) {
		if (rr) {
			if (write(fd, buf, 1) != 1)
				die("write");
			if (read(fd, buf, 1) != 1)
				die("read");
			continue;
		}
		for (long sent = 0; sent < CHUNK;) {
			int w = write(fd, buf + sent, CHUNK - sent);
			if (w <= 0)
				die("write");
			sent += w;
		}
	}
	close(fd);
	waitpid(server, 0, 0);
	elapsed = now() - start;
	ops = n;
	sprintf(truth, "\"bytes\":%ld,\"port\":%d,\"server\":%d", rr ? 2 * n : n * CHUNK,
		ntohs(addr.sin_port), server);
}

static void mode_rr(void)
{
	one_connection(1);
}
static void mode_stream(void)
{
	one_connection(0);
}

static void mode_udp(void)
{
	struct sockaddr_in addr;
	char buf[DATAGRAM] = {0};
	int in = loopback_socket(SOCK_DGRAM, &addr), out = socket(AF_INET, SOCK_DGRAM, 0);
	pin(0);
	uint64_t start = now();
	for (long i = 0; i < n; i++) {
		if (sendto(out, buf, DATAGRAM, 0, (void *)&addr, sizeof addr) != DATAGRAM)
			die("sendto");
		if (recv(in, buf, DATAGRAM, 0) != DATAGRAM)
			die("recv");
	}
	elapsed = now() - start;
	ops = n;
	sprintf(truth, "\"datagrams\":%ld,\"bytes\":%ld", n, n * DATAGRAM);
}

// ---------------------------------------------------------------- main

static const struct mode {
	const char *name;
	void (*run)(void);
	int threaded;
	const char *help;
} modes[] = {
	{"getppid", mode_getppid, 1, "N getppid calls per thread"},
	{"mix", mode_mix, 1,
	 "N rounds per thread: getppid, read of /dev/zero, every 10th also openat (fails) and "
	 "openat + close"},
	{"pf", mode_pf, 1, "N minor page faults per thread (rounded up to 512)"},
	{"file", mode_file, 1, "N times pwrite + pread of 4 KiB per thread, a new open every 100"},
	{"ctx", mode_ctx, 0, "N round trips between two processes on one cpu"},
	{"ctx2", mode_ctx2, 0, "N round trips between two processes on two cpus"},
	{"tcp", mode_tcp, 0, "N connections: 128 bytes out, 1024 bytes back, close"},
	{"tcp-alone", mode_tcp_alone, 0, "the same, both ends in one process, alone on one cpu"},
	{"rr", mode_rr, 0, "N one-byte requests and answers on one connection"},
	{"stream", mode_stream, 0, "N writes of 64 KiB on one connection"},
	{"udp", mode_udp, 0, "N datagrams of 100 bytes, sent and received by one process"},
};

static int usage(void)
{
	fprintf(stderr, "usage: wl MODE N [THREADS] [DIR]\n");
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		fprintf(stderr, "  %-9s %s\n", modes[i].name, modes[i].help);
	fprintf(stderr, "THREADS (default 2) is for getppid, mix, pf and file. DIR is where file "
			"puts its files\n"
			"(default: a new folder in $TMPDIR or the system's temporary folder).\n");
	return 2;
}

static double seconds(struct rusage *r)
{
	return r->ru_utime.tv_sec + r->ru_utime.tv_usec / 1e6 + r->ru_stime.tv_sec +
	       r->ru_stime.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	const struct mode *m = 0;
	struct rusage self0, self, children;
	for (size_t i = 0; argc > 2 && i < sizeof modes / sizeof *modes; i++)
		if (!strcmp(argv[1], modes[i].name))
			m = &modes[i];
	if (!m || (n = atol(argv[2])) <= 0)
		return usage();
	if (argc > 3)
		threads = atoi(argv[3]);
	if (!m->threaded)
		threads = 1;
	if (threads < 1 || threads > MAX_THREADS)
		return usage();
	if (argc > 4)
		snprintf(dir, sizeof dir, "%s", argv[4]);

	getrusage(RUSAGE_SELF, &self0);
	m->run();
	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);

	double secs = elapsed / 1e9;
	printf("{\"mode\":\"%s\",\"pid\":%d,\"threads\":%d,%s,\"ops\":%.0f,\"secs\":%.4f,\"ops_per_"
	       "s\":%.0f,\"cpu_s\":%.3f,"
	       "\"minflt\":%ld,\"vcsw\":%ld,\"ivcsw\":%ld}\n",
	       m->name, getpid(), threads, truth, ops, secs, ops / secs,
	       seconds(&self) - seconds(&self0) + seconds(&children),
	       self.ru_minflt - self0.ru_minflt, self.ru_nvcsw - self0.ru_nvcsw + children.ru_nvcsw,
	       self.ru_nivcsw - self0.ru_nivcsw + children.ru_nivcsw);
	return 0;
}
