/* SPDX-License-Identifier: Apache-2.0 */
/* invalid N: N calls with N numbers that no kernel knows: one name has to do for all of them. */
#include "truth.h"

#define FIRST 5000

int main(int argc, char **argv)
{
	long n = number(argc, argv, 1, 1000);

	for (long i = 0; i < n; i++)
		if (syscall(FIRST + i) != -1 || errno != ENOSYS)
			die("a call of nothing");
	tell("{\"program\":\"invalid\",\"calls\":{\"execve\":1,\"unknown\":%ld,\"exit_group\":1,"
	     "\"write\":1},"
	     "\"errors\":{\"unknown\":{\"ENOSYS\":%ld}}}",
	     n, n);
	return 0;
}
