// sockets MODE ARGS…: does exactly what it is told to over sockets and prints what it did, one JSON line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST	    128
#define REPLY	    1024
#define SERVED_PORT 7777
#define CHUNK	    65536

static int family = AF_INET;
static int mapped;
static int listener;
static long rounds;
static struct sockaddr_storage address;
static socklen_t address_size;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void set_address(int port)
{
	memset(&address, 0, sizeof(address));
	if (family == AF_INET) {
		struct sockaddr_in *in = (void *)&address;

		in->sin_family = AF_INET;
		in->sin_port = port;
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address_size = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (void *)&address;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		inet_pton(AF_INET6, mapped ? "::ffff:127.0.0.1" : "::1", &in6->sin6_addr);
		address_size = sizeof(*in6);
	}
}

static void bind_here(int fd)
{
	set_address(0);
	if (bind(fd, (void *)&address, address_size))
		die("bind");
	if (getsockname(fd, (void *)&address, &address_size))
		die("getsockname");
}

static void read_all(int fd, char *buffer, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(fd, buffer + done, size - done);

		if (got <= 0)
			die("read");
		done += got;
	}
}

static void *serve(void *unused)
{
	static char buffer[REPLY];

	for (long i = 0; i < rounds; i++) {
		int fd = accept(listener, 0, 0);

		if (fd < 0)
			die("accept");
		read_all(fd, buffer, REQUEST);
		if (write(fd, buffer, REPLY) != REPLY)
			die("write");
		close(fd);
	}
	return unused;
}

static void join_namespace(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

static void enter_namespace(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET))
		die("unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCSIFFLAGS, &lo))
		die("lo");
	close(fd);
}

// What TCP says of the whole namespace: segments sent again, and those with RST.
struct account {
	long again;
	long resets;
};

static struct account account_of_namespace(void)
{
	FILE *file = fopen("/proc/self/net/snmp", "r");
	struct account found = {-1, -1};
	char line[1024];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Tcp: %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %*d %ld %*d %ld",
		       &found.again, &found.resets);
	if (found.resets < 0)
		die("/proc/self/net/snmp");
	fclose(file);
	return found;
}

static void tcp(void)
{
	struct account before = account_of_namespace(), after;
	char buffer[REPLY] = {0};
	pthread_t server;

	listener = socket(family, SOCK_STREAM, 0);
	bind_here(listener);
	if (listen(listener, 128))
		die("listen");
	pthread_create(&server, 0, serve, 0);
	for (long i = 0; i < rounds; i++) {
		int fd = socket(family, SOCK_STREAM, 0);

		if (connect(fd, (void *)&address, address_size))
			die("connect");
		if (write(fd, buffer, REQUEST) != REQUEST)
			die("write");
		read_all(fd, buffer, REPLY);
		if (read(fd, buffer, 1))
			die("end");
		close(fd);
	}
	pthread_join(server, 0);
	after = account_of_namespace();
	printf("{\"connections\":%ld,\"bytes\":%ld,\"again\":%ld,\"resets\":%ld}\n", rounds,
	       rounds * (REQUEST + REPLY), after.again - before.again,
	       after.resets - before.resets);
}

// One side of `tcp` in a network namespace of its own: `dial` goes to a host whose process `serve`s.
static void serve_all(void)
{
	int one = 1;

	listener = socket(family, SOCK_STREAM, 0);
	set_address(htons(SERVED_PORT));
	((struct sockaddr_in *)&address)->sin_addr.s_addr = INADDR_ANY;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (void *)&address, address_size) || listen(listener, 128))
		die("listen");
	puts("{}");
	fflush(stdout);
	serve(0);
}

// One of several processes that listen at one port: serves until standard input ends, and tells how many came to it.
static void share(void)
{
	char buffer[REPLY] = {0};
	struct pollfd wait[2];
	long accepted = 0;
	int one = 1;

	listener = socket(family, SOCK_STREAM, 0);
	set_address(htons(SERVED_PORT));
	((struct sockaddr_in *)&address)->sin_addr.s_addr = INADDR_ANY;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(listener, (void *)&address, address_size) || listen(listener, 128))
		die("listen");
	puts("{}");
	fflush(stdout);
	wait[0] = (struct pollfd){.fd = listener, .events = POLLIN};
	wait[1] = (struct pollfd){.fd = 0, .events = POLLIN};
	while (poll(wait, 2, -1) > 0 && (wait[0].revents || !wait[1].revents)) {
		int fd = accept(listener, 0, 0);

		if (fd < 0)
			die("accept");
		read_all(fd, buffer, REQUEST);
		if (write(fd, buffer, REPLY) != REPLY)
			die("write");
		close(fd);
		accepted++;
	}
	printf("{\"accepted\":%ld}\n", accepted);
}

static int local_port(int fd)
{
	struct sockaddr_in own;
	socklen_t size = sizeof(own);

	if (getsockname(fd, (void *)&own, &size))
		die("getsockname");
	return ntohs(own.sin_port);
}

static void dial_all(int *ports)
{
	char buffer[REPLY] = {0};

	for (long i = 0; i < rounds; i++) {
		int fd = socket(family, SOCK_STREAM, 0);

		if (connect(fd, (void *)&address, address_size))
			die("connect");
		if (ports)
			ports[i] = local_port(fd);
		if (write(fd, buffer, REQUEST) != REQUEST)
			die("write");
		read_all(fd, buffer, REPLY);
		if (read(fd, buffer, 1))
			die("end");
		close(fd);
	}
}

static void dial(void)
{
	dial_all(0);
	printf("{\"connections\":%ld}\n", rounds);
}

// The same, and tells the port of each.
static void ports(void)
{
	int *used = calloc(rounds, sizeof(*used));

	dial_all(used);
	printf("[%d", used[0]);
	for (long i = 1; i < rounds; i++)
		printf(",%d", used[i]);
	puts("]");
}

// One connection over which as many chunks go one way.
static void drain(void)
{
	static char buffer[CHUNK];
	long total = 0;
	ssize_t got;
	int fd;

	rounds = 0;
	serve_all();
	fd = accept(listener, 0, 0);
	while ((got = read(fd, buffer, CHUNK)) > 0)
		total += got;
	close(fd);
	printf("{\"bytes\":%ld}\n", total);
}

static void stream(void)
{
	static char buffer[CHUNK];
	int fd = socket(family, SOCK_STREAM, 0);

	if (connect(fd, (void *)&address, address_size))
		die("connect");
	for (long i = 0; i < rounds; i++)
		for (ssize_t done = 0, wrote; done < CHUNK; done += wrote) {
			wrote = write(fd, buffer + done, CHUNK - done);
			if (wrote < 0)
				die("write");
		}
	shutdown(fd, SHUT_WR);
	if (read(fd, buffer, 1))
		die("end");
	close(fd);
	printf("{\"bytes\":%ld}\n", rounds * CHUNK);
}

static void refused(void)
{
	int fd = socket(family, SOCK_STREAM, 0);

	bind_here(fd);
	for (long i = 0; i < rounds; i++) {
		int client = socket(family, SOCK_STREAM, 0);

		if (!connect(client, (void *)&address, address_size) || errno != ECONNREFUSED)
			die("connect");
		close(client);
	}
	printf("{\"failed\":%ld}\n", rounds);
}

static void reset(void)
{
	struct linger now = {.l_onoff = 1};

	listener = socket(family, SOCK_STREAM, 0);
	bind_here(listener);
	if (listen(listener, 128))
		die("listen");
	for (long i = 0; i < rounds; i++) {
		int client = socket(family, SOCK_STREAM, 0), fd;
		char byte;

		if (connect(client, (void *)&address, address_size))
			die("connect");
		fd = accept(listener, 0, 0);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
		if (read(client, &byte, 1) != -1 || errno != ECONNRESET)
			die("reset");
		close(client);
	}
	printf("{\"reset\":%ld}\n", rounds);
}

static void datagrams(int receiver, int sender, int unconnected)
{
	char buffer[100] = {0};

	for (long i = 0; i < rounds; i++) {
		ssize_t sent =
			unconnected ? sendto(sender, buffer, 100, 0, (void *)&address, address_size)
				    : send(sender, buffer, 100, 0);

		if (sent != 100)
			die("send");
		if (recv(receiver, buffer, 100, MSG_PEEK) != 100 ||
		    recv(receiver, buffer, 100, 0) != 100)
			die("recv");
	}
	printf("{\"datagrams\":%ld,\"bytes\":%ld}\n", rounds, rounds * 100);
}

static void udp(void)
{
	int fd = socket(family, SOCK_DGRAM, 0);

	bind_here(fd);
	datagrams(fd, socket(family, SOCK_DGRAM, 0), 1);
}

static void local(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		die("socketpair");
	datagrams(pair[0], pair[1], 0);
}

static long round_trip_us(int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
		die("TCP_INFO");
	return info.tcpi_rtt;
}

// Keeps N connections open until standard input ends; tells the sum of their round-trip times.
static void hold(void)
{
	long round_trips = 0;
	char byte;

	listener = socket(family, SOCK_STREAM, 0);
	bind_here(listener);
	if (listen(listener, 1024))
		die("listen");
	for (long i = 0; i < rounds; i++) {
		int fd = socket(family, SOCK_STREAM, 0), accepted;

		if (connect(fd, (void *)&address, address_size))
			die("connect");
		accepted = accept(listener, 0, 0);
		round_trips += round_trip_us(fd) + round_trip_us(accepted);
	}
	printf("{\"open\":%ld,\"rtt_us\":%ld}\n", rounds * 2, round_trips);
	fflush(stdout);
	if (read(0, &byte, 1) < 0)
		die("stdin");
}

// Keeps N connections open, and speaks once over each for every line of standard input.
static void talk(void)
{
	int(*pairs)[2] = calloc(rounds, sizeof(*pairs));
	char line[16], buffer[REPLY] = {0};

	listener = socket(family, SOCK_STREAM, 0);
	bind_here(listener);
	if (listen(listener, 1024))
		die("listen");
	for (long i = 0; i < rounds; i++) {
		pairs[i][0] = socket(family, SOCK_STREAM, 0);
		if (connect(pairs[i][0], (void *)&address, address_size))
			die("connect");
		pairs[i][1] = accept(listener, 0, 0);
	}
	puts("{}");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		for (long i = 0; i < rounds; i++) {
			if (write(pairs[i][0], buffer, REQUEST) != REQUEST)
				die("write");
			read_all(pairs[i][1], buffer, REQUEST);
			if (write(pairs[i][1], buffer, REPLY) != REPLY)
				die("write");
			read_all(pairs[i][0], buffer, REPLY);
		}
		puts("{}");
		fflush(stdout);
	}
}

// sockets MODE N FAMILY NAMESPACE [ADDRESS]: FAMILY is 4, 6 or mapped; NAMESPACE is here, other (a new one) or a file; ADDRESS is the
// server's, IPv4
int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {{"tcp", tcp},    {"refused", refused}, {"reset", reset}, {"udp", udp},
		     {"unix", local}, {"hold", hold},	    {"talk", talk},   {"serve", serve_all},
		     {"dial", dial},  {"ports", ports},	    {"drain", drain}, {"stream", stream},
		     {"share", share}};

	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: sockets MODE N 4|6|mapped here|other|FILE [ADDRESS]\n");
		return 2;
	}
	rounds = atol(argv[2]);
	mapped = !strcmp(argv[3], "mapped");
	family = strcmp(argv[3], "4") ? AF_INET6 : AF_INET;
	if (!strcmp(argv[4], "other"))
		enter_namespace();
	else if (strcmp(argv[4], "here"))
		join_namespace(argv[4]);
	if (argc == 6) {
		set_address(htons(SERVED_PORT));
		inet_pton(AF_INET, argv[5], &((struct sockaddr_in *)&address)->sin_addr);
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(argv[1], modes[i].name))
			modes[i].run();
	return 0;
}
