/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compat N: calls in the 32-bit ABI of x86 (int 0x80) and in the x32 one, whose numbers mean other calls than the native ones. On
 * Arm, where a whole program is 32-bit or is not, all calls of one.
 * Prints {"skipped": reason} where the kernel or the machine has none.
 */
#include "truth.h"

#if defined(__x86_64__)
#define EXIT32	     1
#define FORK32	     2
#define CLOSE32	     6
#define GETPPID32    64
#define EXIT_GROUP32 252
#define X32	     0x40000000

static long call32(long nr, long argument)
{
	int result;

	/* The kernel may clear r8 to r11 on this way in. */
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(nr), "b"(argument), "c"(0), "d"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static void on_fault(int signal)
{
	(void)signal;
	tell("{\"program\":\"compat\",\"skipped\":\"this kernel has no 32-bit calls\"}");
	_exit(0);
}

static void child32(long exit_nr)
{
	long child = call32(FORK32, 0);

	if (child < 0)
		die("fork");
	if (child == 0) {
		call32(GETPPID32, 0);
		call32(exit_nr, 0);
	}
	reap(child);
}

int main(int argc, char **argv)
{
	long n = number(argc, argv, 1, 1000), forks = n / 10, refused = 0;

	handle(SIGSEGV, on_fault, 0);
	for (long i = 0; i < n; i++) {
		if (call32(GETPPID32, 0) != getppid())
			die("getppid");
		if (call32(CLOSE32, -1) != -EBADF)
			die("close");
		refused += syscall(X32 | SYS_getppid) < 0;
	}
	for (long i = 0; i < forks; i++) {
		child32(EXIT32);
		child32(EXIT_GROUP32);
	}
	tell("{\"program\":\"compat\",\"calls\":{\"execve\":1,\"getppid\":%ld,\"getppid "
	     "(32-bit)\":%ld,\"close (32-bit)\":%ld,"
	     "\"fork (32-bit)\":%ld,\"exit (32-bit)\":%ld,\"exit_group (32-bit)\":%ld,\"getppid "
	     "(x32)\":%ld,\"semget\":0,"
	     "\"exit\":0,\"exit_group\":1,\"fork\":0,\"write\":1},\"errors\":{\"getppid "
	     "(32-bit)\":{},"
	     "\"close (32-bit)\":{\"EBADF\":%ld},\"getppid (x32)\":{%s%.0ld}}}",
	     n, n + 2 * forks, n, 2 * forks, forks, forks, n, n, refused ? "\"ENOSYS\":" : "",
	     refused);
	return 0;
}
#elif defined(__arm__)
static void child(long exit_nr)
{
	long child = syscall(SYS_fork);

	if (child < 0)
		die("fork");
	if (child == 0) {
		syscall(SYS_getppid);
		syscall(exit_nr, 0);
	}
	reap(child);
}

int main(int argc, char **argv)
{
	long n = number(argc, argv, 1, 1000), forks = n / 10;

	getppids(n);
	for (long i = 0; i < n; i++)
		if (syscall(SYS_close, -1) != -1 || errno != EBADF)
			die("close");
	for (long i = 0; i < forks; i++) {
		child(SYS_exit);
		child(SYS_exit_group);
	}
	tell("{\"program\":\"compat\",\"calls\":{\"execve\":1,\"fcntl64 (32-bit)\":0,\"getppid "
	     "(32-bit)\":%ld,"
	     "\"close (32-bit)\":%ld,\"fork (32-bit)\":%ld,\"exit (32-bit)\":%ld,\"exit_group "
	     "(32-bit)\":%ld,"
	     "\"write (32-bit)\":1,\"getppid\":0,\"exit\":0,\"exit_group\":0},"
	     "\"errors\":{\"getppid (32-bit)\":{},\"close (32-bit)\":{\"EBADF\":%ld}}}",
	     n + 2 * forks, n, 2 * forks, forks, forks + 1, n);
	return 0;
}
#else
int main(void)
{
	tell("{\"program\":\"compat\",\"skipped\":\"only x86 can make 32-bit calls from a 64-bit "
	     "program\"}");
	return 0;
}
#endif
