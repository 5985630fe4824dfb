/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals N: N signals that a thread sends itself, N that hit it in user mode with -E2BIG in the register of results, which is
 * what the return from the handler seems to give.
 */
#include "truth.h"

static volatile sig_atomic_t handled, spinning;
static pid_t process, target;

static void on_signal(int signal)
{
	(void)signal;
	handled++;
}

static void *sender(void *count)
{
	for (long i = 0; i < (long)count; i++) {
		while (spinning != i + 1)
			sched_yield();
		syscall(SYS_tgkill, process, target, SIGUSR1);
	}
	return NULL;
}

/* Until the handler has run, with -7 in the register that carries a call's result. */
static void spin(int seen)
{
#if defined(__x86_64__)
	__asm__ volatile("1: pause\n cmpl %1, %0\n je 1b" ::"m"(handled), "r"(seen), "a"(-7l)
			 : "cc");
#elif defined(__aarch64__)
	register long result __asm__("x0") = -7;

	__asm__ volatile("1: yield\n ldr w9, %0\n cmp w9, %w1\n b.eq 1b" ::"m"(handled), "r"(seen),
			 "r"(result)
			 : "cc", "x9");
#else
	while (handled == seen)
		;
#endif
}

int main(int argc, char **argv)
{
	long n = number(argc, argv, 1, 50);
	pthread_t thread;

	process = getpid();
	target = gettid();
	handle(SIGUSR1, on_signal, 0);
	for (long i = 0; i < n; i++)
		syscall(SYS_tgkill, process, target, SIGUSR1);
	if (handled != n)
		die("signals to itself");
	start(&thread, sender, (void *)n);
	for (long i = 0; i < n; i++) {
		int seen = handled;

		spinning = i + 1;
		spin(seen);
	}
	pthread_join(thread, NULL);
	tell("{\"program\":\"signals\",\"calls\":{\"execve\":1,\"rt_sigreturn\":%ld,\"tgkill\":%ld,"
	     "\"exit\":1,"
	     "\"exit_group\":1,\"write\":1},\"errors\":{\"rt_sigreturn\":{},\"tgkill\":{}}}",
	     2 * n, 2 * n);
	return 0;
}
