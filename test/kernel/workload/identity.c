// identity: changes what it is, step by step, and prints the namespaces that it had and has.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(long result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(1);
}

static unsigned long inode(const char *namespace)
{
	char path[64];
	struct stat at;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", namespace);
	check(stat(path, &at), path);
	return at.st_ino;
}

static int child(void *nothing)
{
	return nothing != 0;
}

// namespaces: a new uts and ipc, back into the old uts, a setns that changes nothing, one that fails, a child with a new uts
static void namespaces_mode(void)
{
	static char stack[65536];
	unsigned long uts = inode("uts"), ipc = inode("ipc"), new_uts, new_ipc;
	int old = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	int pid;

	check(old, "open");
	check(unshare(CLONE_NEWUTS | CLONE_NEWIPC), "unshare");
	new_uts = inode("uts");
	new_ipc = inode("ipc");
	check(setns(old, 0), "setns");
	check(setns(old, CLONE_NEWUTS), "setns");
	setns(-1, 0);
	pid = clone(child, stack + sizeof(stack), CLONE_NEWUTS | SIGCHLD, 0);
	check(pid, "clone");
	check(waitpid(pid, 0, 0), "waitpid");
	printf("{\"uts\":%lu,\"ipc\":%lu,\"newUts\":%lu,\"newIpc\":%lu,\"child\":%d}\n", uts, ipc,
	       new_uts, new_ipc, pid);
}

// privileges PROGRAM: drops a capability, becomes user 1000, fails to come back, and executes PROGRAM
static void privileges_mode(char **program)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	check(syscall(SYS_capget, &header, data), "capget");
	data[CAP_SYS_TIME / 32].permitted &= ~(1u << CAP_SYS_TIME % 32);
	data[CAP_SYS_TIME / 32].effective &= ~(1u << CAP_SYS_TIME % 32);
	check(syscall(SYS_capset, &header, data), "capset");
	check(syscall(SYS_setresuid, 1000, 1000, 1000), "setresuid");
	check(syscall(SYS_setresuid, 1000, 1000, 1000), "setresuid");
	if (!syscall(SYS_setresuid, 0, 0, 0))
		exit(2);
	check(execv(program[0], program), "execv");
}

// hold MIB SECONDS: has so much memory for so long
static void hold_mode(char **args)
{
	size_t size = strtoul(args[0], 0, 10) << 20;
	char *memory = malloc(size);

	if (!memory)
		exit(1);
	for (size_t at = 0; at < size; at += 4096)
		*(volatile char *)(memory + at) = 1;
	puts("{}");
	fflush(stdout);
	sleep(strtoul(args[1], 0, 10));
}

int main(int count, char **args)
{
	const char *mode = count > 1 ? args[1] : "end";

	if (!strcmp(mode, "namespaces"))
		namespaces_mode();
	else if (!strcmp(mode, "privileges"))
		privileges_mode(args + 2);
	else if (!strcmp(mode, "hold"))
		hold_mode(args + 2);
	return 0;
}
