/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restarts N: N children each of which sleeps in one nanosleep that is stopped and continued twice (the kernel goes on with
 * restart_syscall). One third of them sleeps to the end, one is interrupted by a handler (EINTR), one is killed.
 */
#include "truth.h"

enum ending {
	SLEEPS,
	IS_INTERRUPTED,
	IS_KILLED
};

static void on_signal(int signal)
{
	(void)signal;
}

static pid_t sleeper(enum ending ending)
{
	struct timespec time = {.tv_sec = ending == SLEEPS ? 0 : 3600, .tv_nsec = 600000000};
	pid_t child = fork();
	long result;

	if (child < 0)
		die("fork");
	if (child > 0)
		return child;
	handle(SIGUSR1, on_signal, SA_RESTART);
	result = syscall(SYS_nanosleep, &time, NULL);
	_exit(ending == SLEEPS ? result != 0 : result != -1 || errno != EINTR);
}

static void stop_and_continue(pid_t child)
{
	int status;

	kill(child, SIGSTOP);
	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		die("stop");
	kill(child, SIGCONT);
	if (waitpid(child, &status, WCONTINUED) != child || !WIFCONTINUED(status))
		die("continue");
}

int main(int argc, char **argv)
{
	long n = (number(argc, argv, 1, 6) + 2) / 3 * 3;

	for (long i = 0; i < n; i++) {
		enum ending ending = i % 3;
		pid_t child = sleeper(ending);

		wait_until_in(child, child, SYS_nanosleep);
		stop_and_continue(child);
		if (ending != SLEEPS) {
			wait_until_in(child, child, SYS_restart_syscall);
			stop_and_continue(child);
			wait_until_in(child, child, SYS_restart_syscall);
			kill(child, ending == IS_KILLED ? SIGKILL : SIGUSR1);
		}
		if (ending == IS_KILLED)
			bury(child);
		else
			reap(child);
	}
	tell("{\"program\":\"restarts\",\"calls\":{\"execve\":1,\"nanosleep\":%ld,\"restart_"
	     "syscall\":0,"
	     "\"rt_sigreturn\":%ld,\"exit_group\":%ld,\"exit\":0,\"write\":1},"
	     "\"errors\":{\"nanosleep\":{\"EINTR\":%ld},\"rt_sigreturn\":{}}}",
	     n, n / 3, n / 3 * 2 + 1, n / 3);
	return 0;
}
