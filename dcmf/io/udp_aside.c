/*
 * udp_aside.c: a second socket of a shared port, for STUN alone: read at once while checks are rare, at
 * intervals while they come thick.
 */
#include "dcmf/io/udp_aside.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/udp_socket.h"

enum {
	STUN_LAST = 3,   /* RFC 7983, section 7: the first byte of STUN is 0..3 */
	THICK_AFTER = 4, /* ours: checks in a row, each within the interval: it is no chance */
	RARE_AFTER = 2,  /* ours: intervals in a row without one */
};

/* At any time one of the two events is pending. */
struct udp_aside {
	struct event readable, interval;
	int fd;
	udp_aside_fn *read;
	void *arg;
	struct loop *loop;
	tick_t last; /* when something was there while we listened */
	unsigned thick, empty;
};

static const struct timeval wait_time = { .tv_usec = UDP_ASIDE_WAIT_MS * 1000 };

/* Picks a socket by the order in which they were bound: 0 the port's own, 1 the one aside. */
static bool take_stun_aside(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), /* of the payload; without one: socket 0 */
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, STUN_LAST, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 1),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) == 0;
}

static void await_any(struct udp_aside *a)
{
	a->thick = 0;
	event_del(&a->interval);
	event_add(&a->readable, NULL);
}

static void await_more(struct udp_aside *a)
{
	a->empty = 0;
	event_del(&a->readable);
	event_add(&a->interval, &wait_time);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct udp_aside *a = arg;
	tick_t now = loop_now(a->loop), last = a->last;
	int n = a->read(a->arg, a->fd);

	if (n <= 0)
		return;
	a->last = now;
	if (n >= UDP_ASIDE_MANY || tick_since(last, now) >= TICK_MS(UDP_ASIDE_WAIT_MS))
		a->thick = 0;
	else if (++a->thick >= THICK_AFTER)
		await_more(a);
}

static void on_interval(evutil_socket_t fd, short what, void *arg)
{
	struct udp_aside *a = arg;
	int n = a->read(a->arg, a->fd);

	if (n < 0)
		return;
	a->empty = n == 0 ? a->empty + 1 : 0;
	if (a->empty >= RARE_AFTER || n >= UDP_ASIDE_MANY)
		await_any(a);
}

struct udp_aside *udp_aside_create(
	struct loop *loop, int fd, const struct addr *local, udp_aside_fn *read, void *arg)
{
	struct udp_aside *a = mem_zalloc(sizeof(*a));

	if (a == NULL)
		return NULL;
	a->loop = loop;
	a->read = read;
	a->arg = arg;
	if (udp_socket_open_beside(fd, local, &a->fd) != ERR_OK) {
		mem_free(a);
		return NULL;
	}
	event_assign(&a->readable, loop_base(loop), a->fd, EV_READ | EV_PERSIST, on_readable, a);
	event_assign(&a->interval, loop_base(loop), -1, EV_PERSIST, on_interval, a);
	if (!take_stun_aside(a->fd) || event_add(&a->readable, NULL) != 0) {
		udp_aside_destroy(a);
		return NULL;
	}
	return a;
}

void udp_aside_destroy(struct udp_aside *a)
{
	if (a == NULL)
		return;
	event_del(&a->readable);
	event_del(&a->interval);
	close(a->fd);
	mem_free(a);
}

int udp_aside_fd(const struct udp_aside *a)
{
	return a->fd;
}
