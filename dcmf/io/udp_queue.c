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
	ITEMS = 1024,    /* ours: datagrams or trains held at most; more are sent at once */
	BYTES = 2 << 20, /* ours: of all that is copied; untouched pages cost nothing */
	BATCH = 64,      /* datagrams or trains a system call */
	WAIT_MS = 1,
	WAITS = 5, /* ours: patience of one flush with full socket buffers */
};

/* What one system call takes. */
struct batch {
	struct mmsghdr msg[BATCH];
	unsigned dgrams[BATCH]; /* in each of them */
	uint16_t piece[BATCH];
	unsigned count;
	struct iovec iov[ITEMS];
	struct sockaddr_storage to[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][UDP_CONTROL_MAX];
};

struct udp_queue {
	struct batch batch;
	struct udp_item item[ITEMS];
	/* socket, then index in item[]: what is of one socket leaves together, as it was pushed */
	uint64_t order[ITEMS];
	bool is_in_order;
	bool borrows;
	bool no_trains; /* the kernel cannot */
	size_t items;
	size_t used; /* of bytes[] */
	uint8_t bytes[BYTES];
};

static void empty(struct udp_queue *q)
{
	q->items = 0;
	q->used = 0;
	q->is_in_order = true;
	q->borrows = false;
}

struct udp_queue *udp_queue_create(void)
{
	struct udp_queue *q = mem_alloc(sizeof(*q));

	if (q == NULL)
		return NULL;
	q->no_trains = false;
	empty(q);
	return q;
}

void udp_queue_destroy(struct udp_queue *q)
{
	mem_free(q);
}

bool udp_queue_borrows(const struct udp_queue *q)
{
	return q->borrows;
}

static void keep_copy(struct udp_queue *q, struct span *bytes)
{
	uint8_t *to = q->bytes + q->used;

	if (bytes->len > 0)
		memcpy(to, bytes->p, bytes->len);
	q->used += bytes->len;
	bytes->p = to;
}

static void push_one(struct udp_queue *q, const struct udp_item *item)
{
	struct udp_item *it;

	if (q->items == ITEMS || (!item->is_borrowed && item->bytes.len > BYTES - q->used))
		udp_queue_flush(q);
	q->order[q->items] = (uint64_t)(uint32_t)item->fd << 32 | q->items;
	if (q->items > 0 && q->order[q->items] < q->order[q->items - 1])
		q->is_in_order = false;
	it = &q->item[q->items++];
	*it = *item;
	if (item->is_borrowed)
		q->borrows = true;
	else
		keep_copy(q, &it->bytes);
}

/* The bytes of the longest train of such pieces that the kernel takes. */
static size_t longest(const struct udp_queue *q, size_t piece)
{
	size_t pieces = q->no_trains ? 1 : UDP_TRAIN_BYTES / piece;

	return (pieces < 1 ? 1 : pieces < UDP_TRAIN_MAX ? pieces : UDP_TRAIN_MAX) * piece;
}

void udp_queue_push(struct udp_queue *q, const struct udp_item *item)
{
	struct udp_item part = *item;
	size_t most;

	if (item->bytes.len <= item->piece) {
		part.piece = item->bytes.len;
		push_one(q, &part);
		return;
	}
	most = longest(q, item->piece);
	for (struct span rest = item->bytes; rest.len > 0; rest = span_skip(rest, most)) {
		part.bytes = span_first(rest, most);
		part.piece = part.bytes.len < item->piece ? part.bytes.len : item->piece;
		push_one(q, &part);
	}
}

static int by_socket(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static const struct udp_item *item_at(const struct udp_queue *q, size_t place)
{
	return &q->item[(uint32_t)q->order[place]];
}

static bool same_peer(const struct udp_item *a, const struct udp_item *b)
{
	return addr_eq(&a->to, &b->to) && addr_eq(&a->from, &b->from);
}

/* May nothing follow, since the last piece is a shorter one? */
static bool ends_short(const struct udp_item *it, size_t piece)
{
	return it->bytes.len != piece && it->bytes.len % piece != 0;
}

/* Does it go on where a train of such pieces ends? */
static bool continues(const struct udp_item *it, size_t piece)
{
	bool is_single = it->bytes.len == it->piece;

	return it->bytes.len > 0 && (is_single ? it->piece <= piece : it->piece == piece);
}

/*
 * How many items from `place` on make a train: to one peer, in pieces of one length, the last may be
 * shorter.
 */
static unsigned train_at(const struct udp_queue *q, size_t place, size_t end, unsigned *dgrams)
{
	const struct udp_item *first = item_at(q, place), *it = first;
	size_t bytes = first->bytes.len, piece = first->piece;
	unsigned n = 1;

	*dgrams = (unsigned)train_count(bytes, piece);
	if (q->no_trains || bytes == 0)
		return 1;
	while (place + n < end && !ends_short(it, piece)) {
		size_t more;

		it = item_at(q, place + n);
		more = train_count(it->bytes.len, it->piece);
		bytes += it->bytes.len;
		if (!continues(it, piece) || *dgrams + more > UDP_TRAIN_MAX ||
			bytes > UDP_TRAIN_BYTES || !same_peer(first, it))
			break;
		*dgrams += (unsigned)more;
		n++;
	}
	return n;
}

/* Their bytes, which mostly lie one behind the other. */
static size_t gather(const struct udp_queue *q, size_t place, unsigned n, struct iovec *iov)
{
	size_t used = 0;

	for (size_t i = place; i < place + n; i++) {
		struct span d = item_at(q, i)->bytes;
		struct iovec *last = used > 0 ? &iov[used - 1] : NULL;

		if (last != NULL && (uint8_t *)last->iov_base + last->iov_len == d.p)
			last->iov_len += d.len;
		else
			iov[used++] = (struct iovec){ (void *)(uintptr_t)d.p, d.len };
	}
	return used;
}

/* As much of what is between two places, all of one socket, as one call takes. The place behind it. */
static size_t prepare(struct udp_queue *q, size_t place, size_t end)
{
	struct batch *b = &q->batch;
	size_t iovs = 0;

	for (b->count = 0; b->count < BATCH && place < end; b->count++) {
		const struct udp_item *it = item_at(q, place);
		unsigned i = b->count, n = train_at(q, place, end, &b->dgrams[i]);
		bool is_ours = it->from.family == it->to.family && !addr_is_any(&it->from);
		struct msghdr *h = &b->msg[i].msg_hdr;

		*h = (struct msghdr){ .msg_name = &b->to[i], .msg_iov = &b->iov[iovs] };
		h->msg_namelen = addr_to_sockaddr(&it->to, &b->to[i]);
		h->msg_iovlen = gather(q, place, n, &b->iov[iovs]);
		iovs += h->msg_iovlen;
		b->piece[i] = (uint16_t)it->piece;
		udp_socket_sending(h, b->control[i], is_ours ? &it->from : NULL,
			b->dgrams[i] > 1 ? it->piece : 0);
		place += n;
	}
	return place;
}

/* `dgrams` NULL: one in each message. */
static void count_sent(const struct mmsghdr *msg, const unsigned *dgrams, unsigned messages)
{
	size_t sum = messages, bytes = 0;

	for (unsigned i = 0; i < messages; i++) {
		bytes += msg[i].msg_len;
		if (dgrams == NULL || dgrams[i] == 1)
			continue;
		count(trains_sent_total);
		sum += dgrams[i] - 1;
	}
	count_add(datagrams_sent_total, sum);
	count_add(datagram_bytes_sent_total, bytes);
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
 * Sends the messages in turn, and drops what cannot be sent. Returns how many are dealt with: less
 * than `n` when a train was refused, for the reason in errno.
 */
static unsigned send_messages(
	int fd, struct mmsghdr *msg, const unsigned *dgrams, unsigned n, int *waits)
{
	bool is_first_try = true;

	for (unsigned done = 0; done < n;) {
		unsigned here = dgrams != NULL ? dgrams[done] : 1;
		int sent = sendmmsg(fd, msg + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			count_sent(
				msg + done, dgrams != NULL ? dgrams + done : NULL, (unsigned)sent);
			done += (unsigned)sent;
			is_first_try = true;
		} else if (is_worth_retrying(fd, errno, is_first_try, waits)) {
			is_first_try = false;
		} else if (here > 1 && !is_full(errno)) {
			return done;
		} else {
			count_add(datagrams_dropped_total, here);
			done++;
			is_first_try = true;
		}
	}
	return n;
}

/* Pieces never lie across two stretches: what comes before the last piece is whole. */
static void send_one_by_one(const struct batch *b, unsigned train, int fd, int *waits)
{
	const struct msghdr *h = &b->msg[train].msg_hdr;
	struct mmsghdr msg[UDP_TRAIN_MAX];
	struct iovec iov[UDP_TRAIN_MAX];
	unsigned n = 0;

	for (size_t i = 0; i < h->msg_iovlen; i++) {
		struct span rest = SPAN(h->msg_iov[i].iov_base, h->msg_iov[i].iov_len);

		for (; rest.len > 0; rest = span_skip(rest, b->piece[train]), n++) {
			struct span d = span_first(rest, b->piece[train]);

			iov[n] = (struct iovec){ (void *)(uintptr_t)d.p, d.len };
			msg[n].msg_hdr = *h;
			msg[n].msg_hdr.msg_iov = &iov[n];
			msg[n].msg_hdr.msg_iovlen = 1;
			udp_socket_sending_alone(&msg[n].msg_hdr);
		}
	}
	send_messages(fd, msg, NULL, n, waits);
}

/* How many messages from `first` on may be tried as they are. */
static unsigned triable(const struct udp_queue *q, unsigned first)
{
	const struct batch *b = &q->batch;
	unsigned n = first;

	if (!q->no_trains)
		return b->count - first;
	while (n < b->count && b->dgrams[n] == 1)
		n++;
	return n - first;
}

/*
 * A train is refused where offloading is missing in the kernel, or in what stands before this peer,
 * or when a piece does not fit its path. One by one they may still leave.
 */
static void send_prepared(struct udp_queue *q, int fd, int *waits)
{
	struct batch *b = &q->batch;

	for (unsigned done = 0; done < b->count;) {
		unsigned n = triable(q, done);
		unsigned sent = send_messages(fd, b->msg + done, b->dgrams + done, n, waits);

		done += sent;
		if (sent < n && (errno == EIO || errno == EOPNOTSUPP || errno == ENOPROTOOPT))
			q->no_trains = true;
		if (done < b->count)
			send_one_by_one(b, done++, fd, waits);
	}
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
			i = prepare(q, i, end);
			send_prepared(q, fd, &waits);
		}
	}
	empty(q);
}
