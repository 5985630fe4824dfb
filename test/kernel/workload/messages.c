// messages KIND N THREADS: sends and receives over sockets without connections that the kernel counts for, in every way that there
// is, N rounds in each of THREADS threads, and prints how many messages and bytes its calls were told of, one JSON line.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SIZE 100
#define MANY 3

struct tally {
	long sent, sent_bytes, received, received_bytes;
};

struct ring {
	int fd;
	unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static const char *kind;
static long rounds;
static int file;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void sent(struct tally *tally, long result, long expected)
{
	if (result != expected)
		die("send");
	tally->sent++;
	tally->sent_bytes += result;
}

static void received(struct tally *tally, long result, long expected)
{
	if (result != expected)
		die("receive");
	tally->received++;
	tally->received_bytes += result;
}

static void fails(long result, int with)
{
	if (result != -1 || errno != with)
		die("failure");
}

static void connect_udp(int pair[2], int family, const char *address)
{
	struct sockaddr_storage own = {.ss_family = family};
	socklen_t size = sizeof(own);

	if (family == AF_INET)
		inet_pton(family, address, &((struct sockaddr_in *)&own)->sin_addr);
	else
		inet_pton(family, address, &((struct sockaddr_in6 *)&own)->sin6_addr);
	for (int i = 0; i < 2; i++) {
		pair[i] = socket(family, SOCK_DGRAM, 0);
		if (!i && bind(pair[0], (void *)&own, sizeof(own)))
			die("bind");
	}
	if (getsockname(pair[0], (void *)&own, &size) || connect(pair[1], (void *)&own, size))
		die("connect");
}

static int open_pair(int pair[2])
{
	int type = !strcmp(kind, "stream")   ? SOCK_STREAM
		   : !strcmp(kind, "packet") ? SOCK_SEQPACKET
					     : SOCK_DGRAM;

	if (!strcmp(kind, "udp4"))
		connect_udp(pair, AF_INET, "127.0.0.1");
	else if (!strcmp(kind, "udp6"))
		connect_udp(pair, AF_INET6, "::1");
	else if (!strcmp(kind, "mapped"))
		connect_udp(pair, AF_INET6, "::ffff:127.0.0.1");
	else if (socketpair(AF_UNIX, type, 0, pair))
		die("socketpair");
	return type;
}

static void many(struct tally *tally, int to, int from)
{
	static __thread char buffers[MANY][SIZE];
	struct iovec parts[MANY];
	struct mmsghdr messages[MANY] = {0};

	for (int i = 0; i < MANY; i++) {
		parts[i] = (struct iovec){buffers[i], SIZE};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	if (sendmmsg(to, messages, MANY, 0) != MANY)
		die("sendmmsg");
	for (int i = 0; i < MANY; i++)
		sent(tally, messages[i].msg_len, SIZE);
	if (recvmmsg(from, messages, MANY, 0, 0) != MANY)
		die("recvmmsg");
	for (int i = 0; i < MANY; i++)
		received(tally, messages[i].msg_len, SIZE);
}

static void *map(int fd, size_t size, long offset)
{
	void *at = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

// Where io_uring is switched off, or not there, `fd` is -1.
static struct ring open_ring(void)
{
	struct io_uring_params params = {0};
	struct ring ring = {.fd = syscall(SYS_io_uring_setup, 4, &params)};
	char *sq, *cq;

	if (ring.fd < 0)
		return ring;
	sq = map(ring.fd, params.sq_off.array + params.sq_entries * sizeof(unsigned),
		 IORING_OFF_SQ_RING);
	cq = map(ring.fd, params.cq_off.cqes + params.cq_entries * sizeof(*ring.cqes),
		 IORING_OFF_CQ_RING);
	ring.sqes = map(ring.fd, params.sq_entries * sizeof(*ring.sqes), IORING_OFF_SQES);
	ring.sq_tail = (void *)(sq + params.sq_off.tail);
	ring.sq_mask = (void *)(sq + params.sq_off.ring_mask);
	ring.sq_array = (void *)(sq + params.sq_off.array);
	ring.cq_head = (void *)(cq + params.cq_off.head);
	ring.cq_tail = (void *)(cq + params.cq_off.tail);
	ring.cq_mask = (void *)(cq + params.cq_off.ring_mask);
	ring.cqes = (void *)(cq + params.cq_off.cqes);
	return ring;
}

static long by_ring(struct ring *ring, int operation, int fd, char *buffer)
{
	unsigned at = *ring->sq_tail & *ring->sq_mask;
	long result;

	ring->sqes[at] = (struct io_uring_sqe){
		.opcode = operation, .fd = fd, .addr = (unsigned long)buffer, .len = SIZE};
	ring->sq_array[at] = at;
	__atomic_store_n(ring->sq_tail, *ring->sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0)
		die("io_uring_enter");
	if (__atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE) == *ring->cq_head)
		die("io_uring");
	result = ring->cqes[*ring->cq_head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, *ring->cq_head + 1, __ATOMIC_RELEASE);
	return result;
}

static void *run(void *unused)
{
	struct tally *tally = calloc(1, sizeof(*tally));
	char buffer[2 * SIZE] = {0};
	struct ring ring = open_ring();
	int pair[2], to, from, type = open_pair(pair);

	(void)unused;
	from = pair[0];
	to = pair[1];
	for (long i = 0; i < rounds; i++) {
		off_t start = 0;

		sent(tally, send(to, buffer, SIZE, 0), SIZE);
		if (recv(from, buffer, SIZE, MSG_PEEK) != SIZE)
			die("peek");
		received(tally, recv(from, buffer, SIZE, 0), SIZE);
		sent(tally, write(to, buffer, SIZE), SIZE);
		received(tally, read(from, buffer, SIZE), SIZE);
		fails(recv(from, buffer, SIZE, MSG_DONTWAIT), EAGAIN);
		if (type != SOCK_STREAM) {
			sent(tally, send(to, buffer, 0, 0), 0);
			received(tally, recv(from, buffer, SIZE, 0), 0);
			// What does not fit is lost, and told.
			sent(tally, send(to, buffer, SIZE, 0), SIZE);
			received(tally, recv(from, buffer, 1, MSG_TRUNC), SIZE);
			fails(sendto(to, buffer, 1 << 30, MSG_DONTWAIT, 0, 0), EMSGSIZE);
		}
		many(tally, to, from);
		sent(tally, sendfile(to, file, &start, SIZE), SIZE);
		received(tally, recv(from, buffer, SIZE, 0), SIZE);
		if (ring.fd >= 0) {
			sent(tally, by_ring(&ring, IORING_OP_SEND, to, buffer), SIZE);
			received(tally, by_ring(&ring, IORING_OP_RECV, from, buffer), SIZE);
		}
	}
	if (type != SOCK_DGRAM) {
		shutdown(to, SHUT_WR);
		fails(send(to, buffer, SIZE, MSG_NOSIGNAL), EPIPE);
		received(tally, recv(from, buffer, SIZE, 0), 0);
	}
	return tally;
}

int main(int argc, char **argv)
{
	struct tally all = {0};
	pthread_t threads[16];
	int count;

	if (argc != 4 || (count = atoi(argv[3])) < 1 || count > 16) {
		fprintf(stderr,
			"usage: messages udp4|udp6|mapped|stream|datagram|packet N THREADS\n");
		return 2;
	}
	kind = argv[1];
	rounds = atol(argv[2]);
	file = memfd_create("page", 0);
	if (ftruncate(file, SIZE))
		die("memfd");
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], 0, run, 0);
	for (int i = 0; i < count; i++) {
		struct tally *tally;

		pthread_join(threads[i], (void **)&tally);
		all.sent += tally->sent;
		all.sent_bytes += tally->sent_bytes;
		all.received += tally->received;
		all.received_bytes += tally->received_bytes;
	}
	printf("{\"sent\":%ld,\"sent_bytes\":%ld,\"received\":%ld,\"received_bytes\":%ld}\n",
	       all.sent, all.sent_bytes, all.received, all.received_bytes);
	return 0;
}
