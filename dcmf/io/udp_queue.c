/*
 * udp_queue.c: the datagrams of one turn on their way out, sent socket by socket with sendmmsg; those to one
 * peer that follow one another as one train.
 */
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
	BATCH = 64,      /* datagrams or trains a system call */
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
	unsigned dgrams[BATCH]; /* in each of them */
	unsigned count;
	struct iovec iov[ITEMS];
	struct sockaddr_storage to[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][UDP_CONTROL_MAX];
};

struct udp_queue {
	struct batch batch;
	struct item item[ITEMS];
	/* socket, then index in item[]: what is of one socket leaves together, as it was pushed */
	uint64_t order[ITEMS];
	bool is_in_order;
	bool no_trains; /* the kernel cannot */
	size_t alone_until; /* place in order[]: those before leave one by one, since their train was refused */
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
	q->no_trains = false;
	q->alone_until = 0;
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

static bool same_peer(const struct item *a, const struct item *b)
{
	return addr_eq(&a->to, &b->to) && addr_eq(&a->from, &b->from);
}

/* How many from `place` on make a train: to one peer, of one length, the last may be shorter. */
static unsigned train_at(const struct udp_queue *q, size_t place, size_t end)
{
	const struct item *first = item_at(q, place);
	size_t bytes = first->dgram.len;
	unsigned n = 1;

	if (q->no_trains || place < q->alone_until || bytes == 0)
		return 1;
	while (n < UDP_TRAIN_MAX && place + n < end) {
		const struct item *it = item_at(q, place + n);
		size_t len = it->dgram.len;

		if (len == 0 || len > first->dgram.len || bytes + len > UDP_TRAIN_BYTES ||
			!same_peer(first, it))
			break;
		bytes += len;
		n++;
		if (len < first->dgram.len)
			break;
	}
	return n;
}

/* Their bytes, which mostly lie one behind the other. */
static size_t gather(const struct udp_queue *q, size_t place, unsigned n, struct iovec *iov)
{
	size_t used = 0;

	for (size_t i = place; i < place + n; i++) {
		struct span d = item_at(q, i)->dgram;
		struct iovec *last = used > 0 ? &iov[used - 1] : NULL;

		if (last != NULL && (uint8_t *)last->iov_base + last->iov_len == d.p)
			last->iov_len += d.len;
		else
			iov[used++] = (struct iovec){ (void *)(uintptr_t)d.p, d.len };
	}
	return used;
}

/* As much of what is between two places, all of one socket, as one system call takes. */
static void prepare(struct udp_queue *q, size_t place, size_t end)
{
	struct batch *b = &q->batch;
	size_t iovs = 0;

	for (b->count = 0; b->count < BATCH && place < end; b->count++) {
		const struct item *it = item_at(q, place);
		unsigned i = b->count, n = train_at(q, place, end);
		bool is_ours = it->from.family == it->to.family && !addr_is_any(&it->from);
		struct msghdr *h = &b->msg[i].msg_hdr;

		*h = (struct msghdr){ .msg_name = &b->to[i], .msg_iov = &b->iov[iovs] };
		h->msg_iovlen = gather(q, place, n, h->msg_iov);
		iovs += h->msg_iovlen;
		h->msg_namelen = addr_to_sockaddr(&it->to, &b->to[i]);
		udp_socket_sending(
			h, b->control[i], is_ours ? &it->from : NULL, n > 1 ? it->dgram.len : 0);
		b->dgrams[i] = n;
		place += n;
	}
}

/* The datagrams in so many messages from `first` on. */
static size_t count_sent(const struct batch *b, unsigned first, unsigned messages)
{
	size_t dgrams = 0, bytes = 0;

	for (unsigned i = first; i < first + messages; i++) {
		dgrams += b->dgrams[i];
		bytes += b->msg[i].msg_len;
		if (b->dgrams[i] > 1)
			count(trains_sent_total);
	}
	count_add(datagrams_sent_total, dgrams);
	count_add(datagram_bytes_sent_total, bytes);
	return dgrams;
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

static bool is_full(int error)
{
	return error == EAGAIN || error == ENOBUFS;
}

/*
 * Offloading is missing in the kernel, or in what stands before this peer; or a piece does not fit its path. One by one
 * they may still leave.
 */
static void refuse_train(struct udp_queue *q, size_t place, unsigned n, int error)
{
	q->alone_until = place + n;
	if (error == EIO || error == EOPNOTSUPP || error == ENOPROTOOPT)
		q->no_trains = true;
}

/*
 * What was prepared, beginning at `place`. Returns how many datagrams are dealt with: less than was prepared
 * when a train was refused.
 */
static size_t send_prepared(struct udp_queue *q, int fd, size_t place, int *waits)
{
	struct batch *b = &q->batch;
	bool is_first_try = true;
	size_t dealt_with = 0;

	for (unsigned done = 0; done < b->count;) {
		int sent =
			sendmmsg(fd, b->msg + done, b->count - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			dealt_with += count_sent(b, done, (unsigned)sent);
			done += (unsigned)sent;
			is_first_try = true;
		} else if (is_worth_retrying(fd, errno, is_first_try, waits)) {
			is_first_try = false;
		} else if (b->dgrams[done] > 1 && !is_full(errno)) {
			refuse_train(q, place + dealt_with, b->dgrams[done], errno);
			return dealt_with;
		} else {
			count_add(datagrams_dropped_total, b->dgrams[done]);
			dealt_with += b->dgrams[done++];
			is_first_try = true;
		}
	}
	return dealt_with;
}

void udp_queue_flush(struct udp_queue *q)
{
	int waits = WAITS;

	if (!q->is_in_order)
		qsort(q->order, q->items, sizeof(q->order[0]), by_socket);
	for (size_t i = 0, end; i < q->items;) {
		int fd = item_at(q, i)->fd;

		for (end = i + 1; end < q->items && item_at(q, end)->fd == fd;)
			end++;
		while (i < end) {
			prepare(q, i, end);
			i += send_prepared(q, fd, i, &waits);
		}
	}
	q->alone_until = 0;
	q->items = 0;
	q->used = 0;
	q->is_in_order = true;
}
