/* line_listener.c: takes connections on a Unix or TCP socket and hands their descriptors on. */
#include "dcmf/io/line.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/io/listen.h"

enum {
	ACCEPTS_A_TURN = 16, /* ours: then others have their turn */
	/* ours: when descriptors ran out, asking again at once would only burn time */
	REST_MS = 100,
};

struct line_listener {
	struct loop *loop;
	struct event readable;
	struct alarm *again; /* after a rest */
	int fd;
	char *path; /* NULL for TCP */
	dev_t device;
	ino_t inode; /* of the socket file: another one at the same path is not ours to remove */
	void (*accepted)(void *arg, int fd);
	void *arg;
};

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct line_listener *ls = arg;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (conn >= 0) {
			ls->accepted(ls->arg, conn);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			event_del(&ls->readable);
			alarm_set(ls->again, tick_add(loop_now(ls->loop), TICK_MS(REST_MS)));
		}
		return;
	}
}

static void on_again(void *arg, tick_t now)
{
	struct line_listener *ls = arg;

	event_add(&ls->readable, NULL);
}

static struct line_listener *listener_create(
	struct loop *l, int fd, void (*accepted)(void *arg, int fd), void *arg, char failed[256])
{
	struct line_listener *ls = fd >= 0 ? mem_zalloc(sizeof(*ls)) : NULL;

	if (ls == NULL) {
		if (fd >= 0) {
			snprintf(failed, 256, "out of memory");
			close(fd);
		}
		return NULL;
	}
	*ls = (struct line_listener){ .loop = l, .fd = fd, .accepted = accepted, .arg = arg };
	event_assign(&ls->readable, loop_base(l), fd, EV_READ | EV_PERSIST, on_readable, ls);
	if ((ls->again = loop_alarm(l, on_again, ls)) == NULL ||
		event_add(&ls->readable, NULL) != 0) {
		snprintf(failed, 256, "out of memory");
		line_listener_destroy(ls);
		return NULL;
	}
	return ls;
}

struct line_listener *line_listen_unix(struct loop *l, const char *path, mode_t mode,
	void (*accepted)(void *arg, int fd), void *arg, char failed[256])
{
	struct line_listener *ls =
		listener_create(l, listen_unix(path, mode, failed), accepted, arg, failed);
	struct stat st;

	if (ls == NULL)
		return NULL;
	if ((ls->path = mem_strdup(path)) == NULL) {
		snprintf(failed, 256, "out of memory");
		line_listener_destroy(ls);
		return NULL;
	}
	if (stat(path, &st) == 0) {
		ls->device = st.st_dev;
		ls->inode = st.st_ino;
	}
	return ls;
}

struct line_listener *line_listen_tcp(struct loop *l, const struct addr *at,
	void (*accepted)(void *arg, int fd), void *arg, char failed[256])
{
	return listener_create(l, listen_tcp(at, failed), accepted, arg, failed);
}

void line_listener_destroy(struct line_listener *ls)
{
	struct stat st;

	if (ls == NULL)
		return;
	if (ls->path != NULL && stat(ls->path, &st) == 0 && st.st_dev == ls->device &&
		st.st_ino == ls->inode)
		unlink(ls->path);
	event_del(&ls->readable);
	alarm_destroy(ls->again);
	close(ls->fd);
	mem_free(ls->path);
	mem_free(ls);
}
