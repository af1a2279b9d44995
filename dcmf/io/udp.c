/* udp.c: the media sockets of a worker: who has which number, and reading in batches. */
#include "dcmf/io/udp.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/io/udp_aside.h"
#include "dcmf/io/udp_queue.h"
#include "dcmf/io/udp_socket.h"

enum {
	BATCH = 32, /* datagrams, or trains of them, a system call */
	/* ours: then the other ports have their turn; epoll reminds us of the rest */
	BATCHES_A_TURN = 4,
	DATAGRAMS_A_TURN = 128,
	/* ours: of trains only so many at once, to be in the cache still when they are sent on */
	BATCH_BYTES = 128 << 10,
	/* a whole datagram; the odd size spreads the buffers over the cache sets */
	BUFFER = 65536 + 5 * 64,

	SLOT_BITS = 18, /* 262143 ports at once; the other 14 bits are the generation */
	SLOT_MASK = (1 << SLOT_BITS) - 1,
};

struct port {
	struct udp *udp;
	struct event readable;
	struct udp_aside *aside; /* for STUN; NULL: there is none */
	struct addr local;       /* as bound */
	uint32_t number;
	int fd;
	int batch; /* to be read at once next time, 1..BATCH */
};

/* Freed slots wait in line, so that a number comes back as late as can be. */
struct port_slot {
	struct port *port;
	uint32_t generation;
	uint32_t next_free; /* slot, 0: the last in line */
};

/* One set of buffers for all ports; a turn reads one port after the other. */
struct batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage from[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][UDP_CONTROL_MAX];
	struct path path[BATCH];
	size_t piece[BATCH]; /* of a train; else as long as the datagram */
	uint8_t bytes[BATCH][BUFFER];
};

struct udp {
	struct loop *loop;
	struct udp_config config;
	struct batch *batch;
	struct udp_queue *queue;
	struct port_slot *slot; /* slot[0] is never used */
	uint32_t slots, first_free, last_free;
	uint64_t lost; /* by ports that are closed */
};

static void prepare(struct batch *b)
{
	for (int i = 0; i < BATCH; i++) {
		b->iov[i] = (struct iovec){ b->bytes[i], BUFFER };
		b->msg[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i],
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
		};
	}
}

/* The lengths that the last call changed in the first n. */
static void prepare_again(struct batch *b, int n)
{
	for (int i = 0; i < n; i++) {
		b->msg[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
		b->msg[i].msg_hdr.msg_controllen = sizeof(b->control[i]);
	}
}

struct udp *udp_create(struct loop *loop, const struct udp_config *config)
{
	struct udp *u = mem_zalloc(sizeof(*u));

	if (u == NULL)
		return NULL;
	u->loop = loop;
	u->config = *config;
	u->slots = 1;
	if ((u->batch = mem_alloc(sizeof(*u->batch))) == NULL ||
		(u->queue = udp_queue_create()) == NULL) {
		udp_destroy(u);
		return NULL;
	}
	prepare(u->batch);
	return u;
}

void udp_destroy(struct udp *u)
{
	if (u == NULL)
		return;
	for (uint32_t i = 1; i < u->slots; i++) {
		if (u->slot[i].port != NULL)
			udp_close(u, u->slot[i].port->number);
	}
	udp_queue_destroy(u->queue);
	mem_free(u->batch);
	mem_free(u->slot);
	mem_free(u);
}

static struct port *find(const struct udp *u, uint32_t number)
{
	uint32_t slot = number & SLOT_MASK;
	struct port *p = slot < u->slots && slot > 0 ? u->slot[slot].port : NULL;

	return p != NULL && p->number == number ? p : NULL;
}

static void put_last(struct udp *u, uint32_t slot)
{
	u->slot[slot].next_free = 0;
	if (u->first_free == 0)
		u->first_free = slot;
	else
		u->slot[u->last_free].next_free = slot;
	u->last_free = slot;
}

static bool grow(struct udp *u)
{
	uint32_t slots = u->slots < 64 ? 64 : u->slots * 2;
	struct port_slot *slot;

	if (slots > SLOT_MASK + 1 || (slot = mem_realloc(u->slot, slots * sizeof(*slot))) == NULL)
		return false;
	u->slot = slot;
	for (uint32_t i = u->slots; i < slots; i++) {
		u->slot[i] = (struct port_slot){ 0 };
		put_last(u, i);
	}
	u->slots = slots;
	return true;
}

static bool take_number(struct udp *u, struct port *p)
{
	uint32_t slot;

	if (u->first_free == 0 && !grow(u))
		return false;
	slot = u->first_free;
	u->first_free = u->slot[slot].next_free;
	u->slot[slot].port = p;
	p->number = u->slot[slot].generation << SLOT_BITS | slot;
	return true;
}

static void give_number(struct udp *u, uint32_t number)
{
	uint32_t slot = number & SLOT_MASK;

	u->slot[slot].port = NULL;
	u->slot[slot].generation++;
	put_last(u, slot);
}

/* Where the first n came from, and how many datagrams they are. */
static int look(struct batch *b, uint32_t number, const struct addr *bound, int n)
{
	size_t dgrams = 0, bytes = 0;

	for (int i = 0; i < n; i++) {
		struct path *path = &b->path[i];
		size_t len = b->msg[i].msg_len, piece;

		*path = (struct path){ .port = number, .local = *bound };
		piece = udp_socket_received(&b->msg[i].msg_hdr, &path->local);
		addr_from_sockaddr((struct sockaddr *)&b->from[i], &path->remote);
		b->piece[i] = piece > 0 && piece < len ? piece : len;
		if (b->piece[i] < len)
			count(trains_received_total);
		dgrams += train_count(len, b->piece[i]);
		bytes += len;
	}
	count_add(datagrams_received_total, dgrams);
	count_add(datagram_bytes_received_total, bytes);
	return (int)dgrams;
}

static void hand_over_train(
	struct udp *u, const struct path *path, struct span rest, size_t piece, tick_t now)
{
	if (rest.len > piece && u->config.input_train != NULL) {
		u->config.input_train(u->config.arg, now, path, rest, piece);
		return;
	}
	do {
		u->config.input(u->config.arg, now, path, span_first(rest, piece));
		rest = span_skip(rest, piece);
	} while (rest.len > 0 && find(u, path->port) != NULL);
}

/* The port may be closed on the way: the rest then belongs to nobody. */
static void hand_over(struct udp *u, uint32_t number, int n, tick_t now)
{
	struct batch *b = u->batch;

	if (u->config.foresee != NULL && n > 1)
		u->config.foresee(u->config.arg, b->path, (size_t)n);
	for (int i = 0; i < n && find(u, number) != NULL; i++) {
		struct span bytes = SPAN(b->bytes[i], b->msg[i].msg_len);

		if (b->path[i].remote.family != ADDR_NONE)
			hand_over_train(u, &b->path[i], bytes, b->piece[i], now);
	}
	if (u->config.batch_end != NULL)
		u->config.batch_end(u->config.arg, now);
}

/* How many to read at once, as the last n were. */
static int next_batch(const struct batch *b, int n)
{
	size_t bytes = 1;

	for (int i = 0; i < n; i++)
		bytes += b->msg[i].msg_len;
	n = (int)(BATCH_BYTES * (size_t)n / bytes);
	return n < 1 ? 1 : n < BATCH ? n : BATCH;
}

/* -1: nothing waits; 0: an ICMP error of an earlier send, not about what waits to be read. */
static int receive(struct udp *u, int fd, int most)
{
	int n;

	/* what is to leave from these buffers has to leave first */
	if (udp_queue_borrows(u->queue))
		udp_queue_flush(u->queue);
	prepare_again(u->batch, most);
	n = recvmmsg(fd, u->batch->msg, (unsigned)most, MSG_DONTWAIT, NULL);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : 0;
}

/* How many datagrams it was; -1: the port was closed meanwhile. */
static int read_socket(struct port *p, int fd)
{
	struct udp *u = p->udp;
	uint32_t number = p->number;
	tick_t now = loop_now(u->loop);
	int dgrams = 0;

	for (int batch = 0; batch < BATCHES_A_TURN && dgrams < DATAGRAMS_A_TURN; batch++) {
		int most = p->batch, n = receive(u, fd, most), came;

		if (n < 0)
			break;
		if (n == 0)
			continue;
		p->batch = next_batch(u->batch, n);
		dgrams += came = look(u->batch, number, &p->local, n);
		hand_over(u, number, n, now);
		/* with one alone there is no load: its answer need not wait for other ports */
		if (came == 1)
			udp_queue_flush(u->queue);
		if (find(u, number) == NULL)
			return -1;
		if (n < most)
			break;
	}
	return dgrams;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	read_socket(arg, fd);
}

static int on_aside(void *arg, int fd)
{
	return read_socket(arg, fd);
}

enum err udp_open(struct udp *u, const struct addr *local, uint32_t *number)
{
	struct port *p = mem_zalloc(sizeof(*p));
	enum err err;

	if (p == NULL)
		return ERR_NO_MEMORY;
	p->udp = u;
	p->local = *local;
	p->batch = BATCH;
	if ((err = udp_socket_open(local, &p->fd)) != ERR_OK) {
		mem_free(p);
		return err;
	}
	if (!take_number(u, p)) {
		close(p->fd);
		mem_free(p);
		return ERR_NO_MEMORY;
	}
	event_assign(&p->readable, loop_base(u->loop), p->fd, EV_READ | EV_PERSIST, on_readable, p);
	count(ports);
	if (event_add(&p->readable, NULL) != 0) {
		udp_close(u, p->number);
		return ERR_NO_MEMORY;
	}
	*number = p->number;
	return ERR_OK;
}

enum err udp_open_shared(struct udp *u, const struct addr *local, uint32_t *number)
{
	enum err err = udp_open(u, local, number);
	struct port *p = err == ERR_OK ? find(u, *number) : NULL;

	if (p != NULL)
		p->aside = udp_aside_create(u->loop, p->fd, local, on_aside, p);
	return err;
}

/* The kernel counts a socket. */
static uint64_t lost_by(const struct port *p)
{
	return udp_socket_lost(p->fd) +
	       (p->aside != NULL ? udp_socket_lost(udp_aside_fd(p->aside)) : 0);
}

void udp_close(struct udp *u, uint32_t number)
{
	struct port *p = find(u, number);

	if (p == NULL)
		return;
	udp_queue_flush(u->queue);
	event_del(&p->readable);
	u->lost += lost_by(p);
	udp_aside_destroy(p->aside);
	close(p->fd);
	give_number(u, number);
	mem_free(p);
	count_add(ports, -1);
}

uint64_t udp_lost(const struct udp *u)
{
	uint64_t lost = u->lost;

	for (uint32_t i = 1; i < u->slots; i++)
		if (u->slot[i].port != NULL)
			lost += lost_by(u->slot[i].port);
	return lost;
}

void udp_send(struct udp *u, const struct path *path, struct span dgram)
{
	udp_send_train(u, path, dgram, dgram.len);
}

static bool is_received(const struct udp *u, struct span bytes)
{
	const struct batch *b = u->batch;

	return bytes.p >= b->bytes[0] && bytes.p < b->bytes[0] + sizeof(b->bytes);
}

void udp_send_train(struct udp *u, const struct path *path, struct span bytes, size_t piece)
{
	struct port *p = find(u, path->port);
	struct udp_item item;

	if (p == NULL || bytes.len > DGRAM_MAX) {
		count_add(datagrams_dropped_total, train_count(bytes.len, piece));
		return;
	}
	item = (struct udp_item){ .fd = p->fd,
		.is_borrowed = is_received(u, bytes),
		.to = path->remote,
		.bytes = bytes,
		.piece = piece };
	/* a socket bound to that very address needs no word about it */
	if (!addr_eq_ip(&p->local, &path->local))
		item.from = path->local;
	udp_queue_push(u->queue, &item);
}

void udp_flush(struct udp *u)
{
	udp_queue_flush(u->queue);
}
