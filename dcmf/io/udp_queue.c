/* udp_queue.c: the datagrams of one turn on their way out, sent socket by socket with sendmmsg. */
#include "dcmf/io/udp_queue.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "dcmf/base/alloc.h"
#include "dcmf/base/counters.h"
#include "dcmf/base/dgram.h"
#include "dcmf/io/udp_socket.h"

enum {
	ITEMS = 1024,    /* ours: datagrams held at most; more are sent at once */
	BYTES = 2 << 20, /* ours: of all of them; untouched pages cost nothing */
	BATCH = 64,      /* datagrams a system call */
	WAIT_MS = 1,
	WAITS = 5, /* ours: patience of one flush with full socket buffers */
};

struct item {
	int fd;
	struct addr from, to;
	struct span dgram;
};

/* What one system call takes. */
struct batch {
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_storage to[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][UDP_CONTROL_MAX];
};

struct udp_queue {
	struct batch batch;
	struct item item[ITEMS];
	/* socket, then index in item[]: what is of one socket leaves together, as it was pushed */
	uint64_t order[ITEMS];
	bool is_in_order;
	size_t items;
	size_t used; /* of bytes[] */
	uint8_t bytes[BYTES];
};

struct udp_queue *udp_queue_create(void)
{
	struct udp_queue *q = mem_alloc(sizeof(*q));

	if (q == NULL)
		return NULL;
	q->items = 0;
	q->used = 0;
	q->is_in_order = true;
	return q;
}

void udp_queue_destroy(struct udp_queue *q)
{
	mem_free(q);
}

void udp_queue_push(struct udp_queue *q, int fd, const struct addr *from, const struct addr *to,
	struct span dgram)
{
	struct item *it;

	if (q->items == ITEMS || dgram.len > BYTES - q->used)
		udp_queue_flush(q);
	q->order[q->items] = (uint64_t)(uint32_t)fd << 32 | q->items;
	if (q->items > 0 && q->order[q->items] < q->order[q->items - 1])
		q->is_in_order = false;
	it = &q->item[q->items++];
	it->fd = fd;
	it->from = from != NULL ? *from : (struct addr){ 0 };
	it->to = *to;
	it->dgram = SPAN(q->bytes + q->used, dgram.len);
	if (dgram.len > 0)
		memcpy(q->bytes + q->used, dgram.p, dgram.len);
	q->used += dgram.len;
}

static int by_socket(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static const struct item *item_at(const struct udp_queue *q, size_t place)
{
	return &q->item[(uint32_t)q->order[place]];
}

/* The `n` datagrams from `place` on, all of one socket. */
static void prepare(struct udp_queue *q, size_t place, size_t n)
{
	struct batch *b = &q->batch;

	for (size_t i = 0; i < n; i++) {
		const struct item *it = item_at(q, place + i);
		struct msghdr *h = &b->msg[i].msg_hdr;

		b->iov[i] = (struct iovec){ (void *)(uintptr_t)it->dgram.p, it->dgram.len };
		*h = (struct msghdr){
			.msg_name = &b->to[i], .msg_iov = &b->iov[i], .msg_iovlen = 1
		};
		h->msg_namelen = addr_to_sockaddr(&it->to, &b->to[i]);
		if (it->from.family == it->to.family && !addr_is_any(&it->from))
			udp_socket_source(h, b->control[i], &it->from);
	}
}

static void count_sent(const struct batch *b, size_t from, size_t n)
{
	count_add(datagrams_sent_total, n);
	for (size_t i = from; i < from + n; i++)
		count_add(datagram_bytes_sent_total, b->iov[i].iov_len);
}

static bool wait_for_room(int fd, int *waits)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (*waits == 0)
		return false;
	(*waits)--;
	poll(&p, 1, WAIT_MS);
	return true;
}

/* What to do about a datagram the kernel did not take: once more, or leave it. */
static bool is_worth_retrying(int fd, int error, bool is_first_try, int *waits)
{
	switch (error) {
	case EINTR: return true;
	case EAGAIN:
	case ENOBUFS: return wait_for_room(fd, waits);
	case ECONNREFUSED:
		return is_first_try; /* an ICMP error of an earlier datagram, cleared by now */
	default: return false;       /* no route, not our address, too long: this one is lost */
	}
}

/* What was prepared. */
static void send_batch(struct batch *b, int fd, size_t n, int *waits)
{
	size_t done = 0;
	bool is_first_try = true;

	while (done < n) {
		int sent = sendmmsg(
			fd, b->msg + done, (unsigned)(n - done), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			count_sent(b, done, (size_t)sent);
			done += (size_t)sent;
			is_first_try = true;
		} else if (is_worth_retrying(fd, errno, is_first_try, waits)) {
			is_first_try = false;
		} else {
			count(datagrams_dropped_total);
			done++;
			is_first_try = true;
		}
	}
}

void udp_queue_flush(struct udp_queue *q)
{
	int waits = WAITS;
	size_t n;

	if (!q->is_in_order)
		qsort(q->order, q->items, sizeof(q->order[0]), by_socket);
	for (size_t i = 0; i < q->items; i += n) {
		int fd = item_at(q, i)->fd;

		for (n = 1; n < BATCH && i + n < q->items && item_at(q, i + n)->fd == fd;)
			n++;
		prepare(q, i, n);
		send_batch(&q->batch, fd, n, &waits);
	}
	q->items = 0;
	q->used = 0;
	q->is_in_order = true;
}
