/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and memory. Each prints one line with what it did, counted by itself or by getrusage:
 *
 *   io FILE N SIZE    N writes and N reads of SIZE bytes of a regular file, as many through a pipe, an fsync
 *   faults FILE N     for each byte on stdin N pages touched and N pages of FILE read from the device
 *   hold N            touches N pages and keeps them until stdin ends
 *   take N            N mmaps of 64 KiB, N moves of the heap's end, each asked for before and one that fails; all touched
 *   pipes N           for each byte on stdin N pipes made and closed; tells its process id
 *   eat               takes memory until it is killed
 */
#include "truth.h"

#include <sys/mman.h>
#include <sys/resource.h>

static char *file;

static int io(long n, long size)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2];
	char *data = calloc(1, size);

	if (fd < 0 || !data || pipe(ends))
		die(file);
	for (long i = 0; i < n; i++) {
		if (pwrite(fd, data, size, i * size) != size ||
		    pread(fd, data, size, i * size) != size)
			die(file);
		if (write(ends[1], data, 100) != 100 || read(ends[0], data, 100) != 100)
			die("pipe");
	}
	if (fsync(fd))
		die("fsync");
	if (open("/nonexistent-truth", O_RDONLY) >= 0)
		die("open of nothing");
	tell("{\"bytes\":%ld,\"piped\":%ld,\"calls\":%ld,\"fsyncs\":1,\"opens\":2,\"ENOENT\":1}",
	     n * size, n * 100, n);
	return 0;
}

static void touch_new(long n, long page)
{
	volatile char *memory =
		mmap(NULL, n * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	madvise((void *)memory, n * page, MADV_NOHUGEPAGE);
	for (long i = 0; i < n; i++)
		memory[i * page] = 1;
	munmap((void *)memory, n * page);
}

static void read_mapped(int fd, long n, long page)
{
	volatile char *memory;

	if (fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		die("fadvise");
	memory = mmap(NULL, n * page, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	madvise((void *)memory, n * page, MADV_RANDOM);
	for (long i = 0; i < n; i++)
		(void)memory[i * page];
	munmap((void *)memory, n * page);
}

static int faults(long n)
{
	long page = sysconf(_SC_PAGESIZE);
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char byte, *data = calloc(n, page);
	struct rusage used;

	if (fd < 0 || write(fd, data, n * page) != n * page)
		die(file);
	while (read(STDIN_FILENO, &byte, 1) == 1) {
		touch_new(n, page);
		read_mapped(fd, n, page);
		getrusage(RUSAGE_SELF, &used);
		tell("{\"minor\":%ld,\"major\":%ld}", used.ru_minflt, used.ru_majflt);
	}
	return 0;
}

static int hold(long n)
{
	long page = sysconf(_SC_PAGESIZE);
	char byte;
	volatile char *memory =
		mmap(NULL, n * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (long i = 0; i < n; i++)
		memory[i * page] = 1;
	tell("{\"pages\":%ld,\"page\":%ld,\"pid\":%d}", n, page, getpid());
	return read(STDIN_FILENO, &byte, 1) < 0;
}

static int pipes(long n)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) == 1) {
		for (long i = 0; i < n; i++) {
			int ends[2];

			if (pipe(ends))
				die("pipe");
			close(ends[0]);
			close(ends[1]);
		}
		tell("{\"pid\":%d}", getpid());
	}
	return 0;
}

static int take(long n)
{
	long page = sysconf(_SC_PAGESIZE), size = 65536;

	for (long i = 0; i < n; i++) {
		volatile char *memory =
			(char *)syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		long end = syscall(SYS_brk, 0);

		if (memory == MAP_FAILED || syscall(SYS_brk, end + page) != end + page)
			die("mmap or brk");
		for (long at = 0; at < size; at += page)
			memory[at] = 1;
		munmap((void *)memory, size);
	}
	if (syscall(SYS_mmap, NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != -1)
		die("mmap of nothing");
	tell("{\"mmaps\":%ld,\"bytes\":%ld,\"brks\":%ld,\"pages\":%ld}", n, n * size, n,
	     n * (size / page));
	return 0;
}

__attribute__((noreturn)) static void eat(void)
{
	for (;;) {
		volatile char *memory = malloc(1 << 20);

		for (long i = 0; memory && i < 1 << 20; i += 4096)
			memory[i] = 1;
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	file = argv[argc > 2 ? 2 : 1];
	if (!strcmp(mode, "io"))
		return io(number(argc, argv, 3, 1000), number(argc, argv, 4, 4096));
	if (!strcmp(mode, "faults"))
		return faults(number(argc, argv, 3, 1000));
	if (!strcmp(mode, "hold"))
		return hold(number(argc, argv, 2, 1000));
	if (!strcmp(mode, "pipes"))
		return pipes(number(argc, argv, 2, 1000));
	if (!strcmp(mode, "take"))
		return take(number(argc, argv, 2, 1000));
	if (!strcmp(mode, "eat"))
		eat();
	fprintf(stderr, "%s: io FILE N SIZE | faults FILE N | hold N | take N | eat\n", argv[0]);
	return 2;
}
