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

/* The first n, after they were used. */
static void prepare(struct batch *b, int n)
{
	for (int i = 0; i < n; i++) {
		b->iov[i] = (struct iovec){ b->bytes[i], BUFFER };
		b->msg[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = sizeof(b->control[i]),
		};
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
	prepare(u->batch, BATCH);
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

static void hand_over_one(struct udp *u, const struct path *path, struct span dgram, tick_t now)
{
	count(datagrams_received_total);
	count_add(datagram_bytes_received_total, dgram.len);
	u->config.input(u->config.arg, now, path, dgram);
}

/* One message: a datagram, or a train of them. How many it was. */
static int hand_over_message(
	struct udp *u, uint32_t number, const struct addr *bound, int i, tick_t now)
{
	struct mmsghdr *m = &u->batch->msg[i];
	struct span rest = SPAN(u->batch->bytes[i], m->msg_len);
	struct path path = { .port = number, .local = *bound };
	size_t piece = udp_socket_received(&m->msg_hdr, &path.local);
	int n = 0;

	if (!addr_from_sockaddr((struct sockaddr *)&u->batch->from[i], &path.remote))
		return 0;
	if (piece > 0 && piece < rest.len)
		count(trains_received_total);
	else
		piece = rest.len;
	do {
		hand_over_one(u, &path, SPAN(rest.p, rest.len < piece ? rest.len : piece), now);
		rest = span_skip(rest, piece);
		n++;
	} while (rest.len > 0 && find(u, number) != NULL);
	return n;
}

/*
 * Hands a batch over; how many datagrams it was. The port may be closed on the way: the rest then
 * belongs to nobody.
 */
static int hand_over(struct udp *u, uint32_t number, const struct addr *bound, int n, tick_t now)
{
	int dgrams = 0;

	for (int i = 0; i < n && find(u, number) != NULL; i++)
		dgrams += hand_over_message(u, number, bound, i, now);
	prepare(u->batch, n);
	if (u->config.batch_end != NULL)
		u->config.batch_end(u->config.arg, now);
	return dgrams;
}

/* One of the port's sockets. How many datagrams it was; -1: the port was closed on the way. */
static int read_socket(struct port *p, int fd)
{
	struct udp *u = p->udp;
	uint32_t number = p->number;
	struct addr bound = p->local;
	tick_t now = loop_now(u->loop);
	int dgrams = 0;

	for (int batch = 0; batch < BATCHES_A_TURN && dgrams < DATAGRAMS_A_TURN; batch++) {
		int n = recvmmsg(fd, u->batch->msg, BATCH, MSG_DONTWAIT, NULL);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		/* an ICMP error of an earlier send: it is not about what waits to be read */
		if (n <= 0)
			continue;
		dgrams += hand_over(u, number, &bound, n, now);
		if (find(u, number) == NULL)
			return -1;
		if (n < BATCH)
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
	struct port *p = find(u, path->port);

	if (p == NULL || dgram.len > DGRAM_MAX) {
		count(datagrams_dropped_total);
		return;
	}
	/* a socket bound to that very address needs no word about it */
	udp_queue_push(u->queue, p->fd, addr_eq_ip(&p->local, &path->local) ? NULL : &path->local,
		&path->remote, dgram);
}

void udp_flush(struct udp *u)
{
	udp_queue_flush(u->queue);
}
