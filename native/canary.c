/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpflow-canary: for each u32 on stdin so many calls of getppid, then the same u32 on stdout. Ends with stdin, so that it never
 * outlives who started it. Without libc: it makes no other call, opens nothing, allocates nothing, and gives up every right first.
 */
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/prctl.h>

static long call(long nr, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
	long result = nr;
	register long fourth __asm__("r10") = d;
	register long fifth __asm__("r8") = e;

	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long result __asm__("x0") = a;
	register long second __asm__("x1") = b;
	register long third __asm__("x2") = c;
	register long fourth __asm__("x3") = d;
	register long fifth __asm__("x4") = e;
	register long number __asm__("x8") = nr;

	__asm__ volatile("svc 0"
			 : "+r"(result)
			 : "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(number)
			 : "memory");
	return result;
#else
#error "an architecture without a canary"
#endif
}

__attribute__((noreturn)) void _start(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
	unsigned int count;

	call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	call(__NR_capset, (long)&header, (long)none, 0, 0, 0);
	while (call(__NR_read, 0, (long)&count, sizeof(count), 0, 0) == sizeof(count)) {
		for (unsigned int i = 0; i < count; i++)
			call(__NR_getppid, 0, 0, 0, 0, 0);
		if (call(__NR_write, 1, (long)&count, sizeof(count), 0, 0) != sizeof(count))
			break;
	}
	for (;;)
		call(__NR_exit_group, 0, 0, 0, 0, 0);
}
